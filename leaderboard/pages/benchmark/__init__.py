"""Benchmark: how much its columns can carry, and its card."""

__all__ = ["page"]
