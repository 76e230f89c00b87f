"""Load generators that others wrote, for what the own one cannot do: user flows, many machines, highest rates."""
