"""The commands of `python -m leaderboard`, one module each.

In: arguments. Out: text for people on standard output, or JSON with `--json`; problems on standard error. Each module
has `register`, which `leaderboard.__main__` calls. What a command does is in the rooms below, not here.
"""
