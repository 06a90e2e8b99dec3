"""Bad specs: what people write, where it is wrong, and what nnspec says of it; `cases.py` tells how to read one."""
