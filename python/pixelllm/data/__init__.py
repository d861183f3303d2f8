"""Datasets: what a sample is, and where samples come from."""
