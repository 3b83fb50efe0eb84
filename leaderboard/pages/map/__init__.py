"""Map: rows and groups of people on a plane."""
