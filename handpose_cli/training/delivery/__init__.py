"""What a run of training leaves: exported networks, card and curves."""
