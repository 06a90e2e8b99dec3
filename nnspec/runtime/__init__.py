"""Graphs at work: sessions of ONNX Runtime, bindings by address, flat buffers, durable files."""
