"""The version of handpose, in a place that every room may look at."""

__version__ = "0.1.0"
