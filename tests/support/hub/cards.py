"""What the Hub says of a repository: its card's metadata, and the facts it derives from files.

The derivations cover what a check of a submitted model reads (task, library, chat template, custom code, licence,
tags, parameter counts). They follow what the real Hub is known to show, not its code, and are far from complete.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import yaml  # type: ignore[import-untyped]  # its stubs are not among the requirements

from .world import Commit, Refused, Repository

_CONFIG_FIELDS = ("architectures", "model_type", "auto_map")
_TOKENIZER_FIELDS = ("bos_token", "eos_token", "pad_token", "unk_token", "chat_template")
_EXPANDABLE = {
    "author",
    "baseModels",
    "cardData",
    "config",
    "createdAt",
    "description",
    "disabled",
    "downloads",
    "downloadsAllTime",
    "gated",
    "gguf",
    "inference",
    "inferenceProviderMapping",
    "lastModified",
    "library_name",
    "likes",
    "mainSize",
    "mask_token",
    "pipeline_tag",
    "private",
    "runtime",
    "safetensors",
    "sdk",
    "sha",
    "siblings",
    "tags",
    "transformersInfo",
    "trendingScore",
    "usedStorage",
    "widgetData",
}
_ONLY_EXPANDED = {"downloadsAllTime", "inference", "inferenceProviderMapping", "mainSize"}


def front_matter(card: str) -> dict[str, Any]:
    """The YAML block at the head of a card; empty where there is none.

    Raises:
        ValueError: the block is not YAML, or not a mapping.
    """
    lines = card.splitlines()
    if not lines or lines[0].strip() != "---":
        return {}
    end = next((i for i, line in enumerate(lines[1:], 1) if line.strip() == "---"), None)
    if end is None:
        return {}
    try:
        data = yaml.safe_load("\n".join(lines[1:end]))
    except yaml.YAMLError as error:
        raise ValueError(f"the metadata block is not YAML: {error}") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ValueError("the metadata block must be a mapping")
    return data


def describe(repository: Repository, commit: Commit, *, expand: list[str], blobs: bool) -> dict[str, Any]:
    """The answer to an info request at `commit`.

    Args:
        repository: which.
        commit: where.
        expand: the only properties wanted; empty means the usual ones.
        blobs: add size and ids to each sibling.

    Raises:
        Refused: a property that does not exist is asked for.
    """
    files = repository.tree(commit)
    info: dict[str, Any] = {
        "_id": hashlib.sha1(f"{repository.kind}/{repository.id}".encode()).hexdigest()[:24],
        "id": repository.id,
        "author": repository.namespace,
        "sha": commit.oid,
        "lastModified": commit.date,
        "createdAt": repository.created,
        "private": repository.private,
        "gated": repository.gated,
        "disabled": repository.disabled,
        "downloads": 0,
        "likes": 0,
        "usedStorage": sum(entry.size for entry in files.values()),
        "siblings": [],
    }
    for path, entry in sorted(files.items()):
        sibling: dict[str, Any] = {"rfilename": path}
        if blobs:
            sibling |= {"size": entry.size, "blobId": entry.oid}
            if entry.sha256:
                sibling["lfs"] = {"sha256": entry.sha256, "size": entry.size, "pointerSize": entry.pointer_size}
        info["siblings"].append(sibling)
    try:
        card = front_matter(repository.text("README.md", commit) or "")
    except ValueError:
        card = {}
    if card:
        info["cardData"] = card
    tags = [str(tag) for tag in card.get("tags") or []]
    if repository.kind == "model":
        info |= {"modelId": repository.id} | _model_facts(repository, commit, card)
        tags += [info[name] for name in ("library_name", "pipeline_tag") if name in info]
        config = info.get("config", {})
        tags += [config["model_type"]] if "model_type" in config else []
        tags += ["safetensors"] if any(path.endswith(".safetensors") for path in files) else []
        tags += ["custom_code"] if "auto_map" in config else []
        if "chat_template" in config.get("tokenizer_config", {}) or "chat_template_jinja" in config:
            tags.append("conversational")
    if "license" in card:
        tags.append(f"license:{card['license']}")
    info["tags"] = list(dict.fromkeys(tags))
    info |= repository.facts
    if not expand:
        return {name: value for name, value in info.items() if name not in _ONLY_EXPANDED}
    if unknown := sorted(set(expand) - _EXPANDABLE):
        raise Refused(400, f"cannot expand {', '.join(unknown)}")
    return {name: value for name, value in info.items() if name in {"_id", "id", *expand}}


def _model_facts(repository: Repository, commit: Commit, card: dict[str, Any]) -> dict[str, Any]:
    config = _json_file(repository, commit, "config.json")
    tokenizer = _json_file(repository, commit, "tokenizer_config.json")
    shown: dict[str, Any] = {
        name: config[name] for name in ("architectures", "model_type", "auto_map") if name in config
    }
    if tokenizer:
        shown["tokenizer_config"] = {name: tokenizer[name] for name in _TOKENIZER_FIELDS if name in tokenizer}
    template = repository.text("chat_template.jinja", commit)
    if template is not None:
        shown["chat_template_jinja"] = template
    facts: dict[str, Any] = {"config": shown} if shown else {}
    generates = any(str(name).endswith("ForCausalLM") for name in config.get("architectures") or [])
    task = card.get("pipeline_tag") or ("text-generation" if generates else None)
    library = card.get("library_name") or ("transformers" if config.get("architectures") else None)
    return facts | {name: value for name, value in (("pipeline_tag", task), ("library_name", library)) if value}


def _json_file(repository: Repository, commit: Commit, path: str) -> dict[str, Any]:
    try:
        content = json.loads(repository.text(path, commit) or "{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
