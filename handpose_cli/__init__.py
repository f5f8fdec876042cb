"""handpose: annotate hands in folders of images and videos."""
