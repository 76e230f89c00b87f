"""What load probes claim: nothing hidden by a stall, nothing blocked without cause, nothing real missed."""
