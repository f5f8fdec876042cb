"""What does the units of a run."""
