"""Models behind HTTP: the Open Inference Protocol, batches, metrics, a page to try a model, and Triton's layout."""
