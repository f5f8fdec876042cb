"""Stacked hourglasses: layers, presets, and how their maps become keypoints."""
