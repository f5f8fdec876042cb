"""Label and result formats, one module each, with `read(path)` and/or a writer of records."""
