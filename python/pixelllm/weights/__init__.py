"""From weights that others have published, or trained, to a checkpoint of this project.

`python -m pixelllm.weights --help` says how. A layout (`sam.py`, `eva02.py`, `t5.py`) is a table of
names; `flax.py` has the names of the authors' code.
"""
