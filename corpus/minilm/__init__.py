"""MiniLM, the encoder that ships with guide: six BERT layers of eight-bit weights in ONNX Runtime."""
