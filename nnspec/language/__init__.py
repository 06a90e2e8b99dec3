"""Text to syntax tree, with spans and recovery."""
