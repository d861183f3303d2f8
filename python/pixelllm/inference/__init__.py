"""The model in batches: what the worker and the evaluation carry out plans with."""
