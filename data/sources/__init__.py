"""Where a benchmark comes from: practice, upstream's files, a folder in their layout, a dataset on the Hub.

In: a name (`loading.load_benchmark`). Out: a `data.benchmark.Benchmark`, and its rating study where the source has one.
Also here: what is written about a benchmark for others to read (Hub dataset, key file, published validity report).
Nothing is computed from ratings here; that is `data.people`.
"""

__all__ = [
    "hub_client",
    "hub_dataset",
    "identifiers",
    "key_file",
    "loading",
    "practice",
    "published_templates",
    "published_validity",
    "upstream",
]
