"""SSD detectors: layers, anchors and box encodings."""
