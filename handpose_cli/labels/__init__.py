"""What is done with label files of any format: find, recognise, convert, check."""
