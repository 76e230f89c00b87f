"""Values in, values out: what perfgate knows about measuring and deciding, without clock, file or process."""
