"""handpose: annotate hands in folders of images and videos."""

__version__ = "0.1.0"
