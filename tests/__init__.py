"""Tests of the whole project; run them from its root."""
