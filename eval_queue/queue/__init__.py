"""The queue: what may enter it, who may take what, and what comes of it.

In: a person's wish, a package of answers, a worker's claim. Out: submissions and results in the store, or `Refused`
with a code and a remedy. The guarantees (each question once, no result lost, leases) are here, on top of any store.
Nothing is evaluated here.
"""

__all__ = ["apart", "heartbeats", "intake", "package", "queue"]
