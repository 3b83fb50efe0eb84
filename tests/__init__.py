"""Tests, in the same rooms as what they test."""

import os

# as the app and the commands run (see `data.cli`), and here, where two workers share the cores, twenty times as fast;
# read when numpy is imported, which is after this
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
