"""The orchestrator: prepares two sides, lets them take turns, looks, and knows when to stop."""
