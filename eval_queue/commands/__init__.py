"""The commands of `python -m eval_queue`, one module each."""
