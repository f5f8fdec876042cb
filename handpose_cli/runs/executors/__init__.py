"""What works off the units of a run."""
