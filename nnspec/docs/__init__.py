"""The pages of docs/ that are made from the code: `python -m nnspec.docs docs` writes them, and a test compares."""
