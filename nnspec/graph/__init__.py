"""The compiler's own small ONNX-shaped graph, its passes, and the way to ONNX files."""
