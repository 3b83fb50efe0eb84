"""Groups: models beside groups of people, and persona runs."""
