"""The commands of `python -m eval_queue`, one module each.

In: arguments. Out: text for people on standard output, or JSON with `--json`; problems on standard error. Each module
has `register`, which `eval_queue.__main__` calls. What a command does is in the rooms below, not here.
"""
