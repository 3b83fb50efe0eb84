"""The commands of `python -m leaderboard`, one module each.

In: arguments. Out: text for people on standard output, or JSON with `--json`; problems on standard error.
`leaderboard.__main__` puts them together. What a command does is in the rooms below, not here.
"""
