"""How good a model is, in numbers that are defined where they are computed."""
