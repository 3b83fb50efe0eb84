"""What all pages know: the benchmark in use, the queue, the rows to show, who is asking, how to cite.

In: settings (`opening`). Out: one `Site`, citations and lasting addresses. No HTML is made here.
"""

__all__ = [
    "answers",
    "citation",
    "links",
    "memory",
    "news",
    "opening",
    "permanent",
    "sharing",
    "site",
    "status",
    "visitor",
]
