"""What must be true after a fault: a table of faults against the running app, crash runs, random orders and inputs.

* `test_pages`: the running app while its store is damaged, gone, full or read-only.
* `test_hub`: the Hub's faults, during a whole evaluation. `tests/eval_queue/store` has each for the store alone.
* `crashes`: seeded runs in which workers are killed at any step: `python -m tests.faults.crashes --runs 200`.
* `fuzz`: random and mutated inputs of everything that reads: `python -m tests.faults.fuzz --inputs 100000`.
"""
