"""Where evaluations run: in the worker's own process, on a Ray cluster, or on Hugging Face Jobs.

In: settings and a queue. Out: one task a submission, each a worker told to evaluate only this one. Claims, leases,
signs of life and results stay between that worker and the queue, so that the queue's guarantees do not depend on what
starts the workers: the same tests run over all three. Nothing of Ray is imported unless it is chosen.
"""

__all__ = ["chosen"]
