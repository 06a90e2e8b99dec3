"""The inputs of `nnspec run`, read a piece at a time, so that a file may be larger than the memory."""
