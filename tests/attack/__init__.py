"""Attacks on the running app over HTTP; `SECURITY.md` names the test of each."""
