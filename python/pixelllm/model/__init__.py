"""The model: tensors in, tensors out.

Read `config.py`, then `pixelllm.py`, then the part you came for.
"""
