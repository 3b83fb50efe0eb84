"""Answers that are not asked for one by one: files of batch requests and their results, and other evaluators' logs.

In: a benchmark, files of results or logs. Out: files of requests, tasks for other evaluators, and runs' folders as
`eval_queue.asking` keeps them. Nothing is scored here.
"""

__all__ = [
    "batch",
    "batch_service",
    "foreign",
]
