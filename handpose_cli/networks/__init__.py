"""Keras networks: the detector, the hourglass, their presets and their export."""
