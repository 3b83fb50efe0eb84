"""What works the queue: the worker, the scheduler inside the app, and the check of a configuration.

In: settings and a queue. Out: evaluated submissions, one after the other, with signs of life; a report of what to mend.
How a model is asked is in `eval_queue.asking`, who may take what in `eval_queue.queue`.
"""

__all__ = ["doctor", "endpoint_check", "scheduler", "worker"]
