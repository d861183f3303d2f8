"""PixelLLM: a vision-language model that gives every word it writes a place in the picture."""
