"""What people said: the benchmark, its key, the values, reference groups. Imports nothing of ours."""
