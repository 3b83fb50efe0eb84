"""A client in a process of its own, for what is set before it is imported. Usage: client_process.py ACTION REPO."""

from __future__ import annotations

import hashlib
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

from huggingface_hub import CommitOperationCopy, HfApi
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from huggingface_hub.hf_api import RepoFile


def large(repo: str) -> dict[str, object]:
    """LFS up and down, a copy of it, `load_dataset` and `hf://`."""
    import pandas as pd
    from datasets import load_dataset

    api = HfApi()
    content = bytes(range(250)) * 48_000
    api.upload_file(path_or_fileobj=content, path_in_repo="raw.dat", repo_id=repo, repo_type="dataset")
    api.upload_file(path_or_fileobj=content, path_in_repo="again.dat", repo_id=repo, repo_type="dataset")
    copy = CommitOperationCopy("raw.dat", "copy.dat")
    api.create_commit(repo, [copy], commit_message="copy", repo_type="dataset")
    entry = api.get_paths_info(repo, "raw.dat", repo_type="dataset")[0]
    assert isinstance(entry, RepoFile)
    assert entry.lfs is not None
    table = io.BytesIO()
    pd.DataFrame({"model": ["a", "b"], "score": [1.5, -0.25]}).to_parquet(table)
    card = "---\nconfigs:\n- config_name: default\n  data_files: board.parquet\n---\nText."
    api.upload_file(path_or_fileobj=card.encode(), path_in_repo="README.md", repo_id=repo, repo_type="dataset")
    api.upload_file(path_or_fileobj=table.getvalue(), path_in_repo="board.parquet", repo_id=repo, repo_type="dataset")
    api.upload_file(
        path_or_fileobj=b'{"n": 1}\n{"n": 2}\n', path_in_repo="lines.jsonl", repo_id=repo, repo_type="dataset"
    )

    def digest(path: str) -> str:
        return hashlib.sha256(Path(api.hf_hub_download(repo, path, repo_type="dataset")).read_bytes()).hexdigest()

    return {
        "uploaded": hashlib.sha256(content).hexdigest(),
        "downloaded": digest("raw.dat"),
        "copied": digest("copy.dat"),
        "lfs": {"size": entry.lfs.size, "sha256": entry.lfs.sha256},
        "rows": list(load_dataset(repo, split="train")),
        "pandas": pd.read_json(f"hf://datasets/{repo}/lines.jsonl", lines=True).to_dict("records"),
    }


def offline(repo: str) -> dict[str, object]:
    """What a client gets of a cached file, of information and of a file that it has not."""
    api = HfApi()

    def named(call: Callable[[], str]) -> str:
        try:
            return call()
        except LocalEntryNotFoundError as error:
            return type(error).__name__
        except EntryNotFoundError:
            return "not found"
        except Exception as error:  # noqa: BLE001 - its kind is the report
            return type(error).__name__

    return {
        "cached": named(lambda: Path(api.hf_hub_download(repo, "a.json", repo_type="dataset")).read_text()),
        "info": named(lambda: "ok" if api.dataset_info(repo).sha else "no sha"),
        "other": named(lambda: api.hf_hub_download(repo, "b.json", repo_type="dataset")),
    }


if __name__ == "__main__":
    print(json.dumps({"large": large, "offline": offline}[sys.argv[1]](sys.argv[2])))  # noqa: T201 - read by the test
