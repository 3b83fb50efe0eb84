"""About: what is measured, how to read it, how to cite."""
