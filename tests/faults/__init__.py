"""What must be true after a fault: a table of faults against the running app, crash runs, random orders and inputs.

* damaged HEAD, vanished folder, full or read-only disk: every page says so and since when; nothing is lost
  (`faults/test_pages.py`).
* worker killed at any step, disk full at any write: nothing lost, at most what was in flight asked again
  (`faults/crashes.py`, `faults/test_crashes.py`).
* torn last line of answers: it is asked again, the others are kept (`eval_queue/asking/test_evaluation.py`).
* two apps and a command on one store: all see the same; a late change is refused (`faults/test_random_orders.py`).
* Hub: 429, 409, 412, 500 before and after, cut, slow, stale, HTML: one result, nothing asked twice
  (`faults/test_hub.py`).
* token revoked in the middle: the run goes on with the new one (`faults/test_hub.py`).
* endpoint down, slow, garbage, HTML, empty, endless: a reason in a sentence, bounded
  (`eval_queue/asking/test_replies.py`).
* endpoint's model changes in the middle: the row names both and is incomplete (`faults/test_evaluator.py`).
* clock moved back or forth by an hour: possible times, no lease taken early
  (`faults/test_clock.py`, `eval_queue/workers/test_many_workers.py`).
* benchmark updated between submission and run: left waiting with a note (`faults/test_hub.py`).
* newer schema: set aside and named, the rest goes on (`faults/test_hub.py`).
* scheduler's or worker's thread dies: said, counted, started again; 503 where it cannot be
  (`faults/test_evaluator.py`).

What runs them:

* `crashes`: seeded runs in which workers are killed at any step: `python -m tests.faults.crashes --runs 200`.
* `fuzz`: random and mutated inputs of everything that reads: `python -m tests.faults.fuzz --inputs 100000`.
* `test_properties`: what must come out of any input.
"""
