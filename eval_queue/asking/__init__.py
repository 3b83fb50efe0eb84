"""From a model to its raw answers: the endpoint, one evaluation, and the folder that keeps it.

In: an endpoint, a model's name, a benchmark. Out: a run's folder with every answer as it arrived, and in the end its
result. Which submission is evaluated when is decided elsewhere (`eval_queue.workers`).
"""

__all__ = [
    "checkpoint",
    "diagnosis",
    "endpoint",
    "evaluation",
    "local_model",
    "outcome",
    "replies",
    "serving",
    "shards",
    "transport",
]
