"""Model files from elsewhere, held against what a model can be before anything else reads them. No file here imports
onnx or runs anything."""
