"""From labelled images to batches: samples, crops, augmentation, targets."""
