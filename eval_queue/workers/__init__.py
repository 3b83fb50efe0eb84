"""What works the queue: the worker, the scheduler inside the app, and the check of a configuration.

In: settings and a queue. Out: evaluated submissions with signs of life; a report of what to mend; what many would cost.
How a model is asked is in `eval_queue.asking`, who may take what in `eval_queue.queue`.
"""

__all__ = ["costs", "doctor", "endpoint_check", "place", "scheduler", "worker"]
