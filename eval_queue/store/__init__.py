"""Where records are kept: a versioned set of files that changes only by compare-and-swap, in a folder or on the Hub.

In: paths and bytes, with the head they were made for. Out: the same, at a head; or `WriteConflict`, `StoreUnavailable`.
`local` has the protocol and the folder, `hub` the same contract on the Hub. What records mean is not known here, apart
from the compiled tables that spare readers thousands of files.
"""

__all__ = ["backup", "collection", "compiled", "hub", "local", "retrying", "shown"]
