"""Files: written so that nothing is lost, paths that may be written, and what a file is at all."""
