"""Images in files: found, measured, and decoded when they are needed."""
