"""nnspec against PyTorch: the same networks, weights and data in both. `make parity` runs it, where torch is."""
