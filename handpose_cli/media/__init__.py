"""What has pixels: files and cameras that are read, and the annotated copies that are written."""
