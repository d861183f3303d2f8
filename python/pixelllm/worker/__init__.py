"""The worker: one thread owns the device and answers many calls at once."""
