"""Report -> text, for people and for machines; pure."""
