"""Glossary: every term that the pages use, in one place."""

__all__ = ["page"]
