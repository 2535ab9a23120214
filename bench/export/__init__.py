"""Networks as ONNX files and exported programs of PyTorch, verified before they are written."""
