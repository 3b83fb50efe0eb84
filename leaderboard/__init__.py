"""What visitors see: the results table, charts and pages. Imports `eval_queue` and `data`."""
