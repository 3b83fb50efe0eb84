"""What the Hub says about a model, and whether that lets it be evaluated here.

One request to the Hub, read through `huggingface_hub`; no file of a model is fetched, nothing of it is loaded and none
of its code is run. The revision that a person names becomes the commit it stands for now, so that the record says which
weights were meant. What the Hub cannot tell is not guessed.

An endpoint that lists a model has shown that it can run it: then it does not matter that the model is gated, that it
brings code of its own or that its size is unknown.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from eval_queue.submission import Refused

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo

SECONDS: Final = 20.0
"""How long the Hub may take, all repetitions included."""

TASKS: Final = frozenset({"text-generation", "image-text-to-text", "any-to-any"})
"""The Hub's tasks whose models write text when they are written to."""

_EXPAND: Final = (
    *("cardData", "config", "createdAt", "disabled", "gated", "gguf", "inferenceProviderMapping"),
    *("pipeline_tag", "private", "safetensors", "sha", "tags"),
)
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_PROVIDER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")
_MOVING: Final = frozenset({"fastest", "cheapest", "preferred", "auto"})
"""Words for whichever provider is best at the moment."""
_PACKED_BITS: Final = {"I64": 64, "I32": 32, "I16": 16, "I8": 8, "U8": 8}
"""Integer types that weights of fewer bits are packed into, with their width."""
_REVISION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
_ADAPTER_TAG: Final = "base_model:adapter:"
_LICENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,59}")


@dataclass(frozen=True)
class ModelFacts:
    """What is recorded about a model of the Hub."""

    name: str
    """The Hub's own name of it: a renamed model, or another letter case, is the same model."""
    revision: str | None
    """The commit, 40 hexadecimal digits; None where a router serves whatever it serves."""
    licence: str | None
    """Name of the licence as its card gives it; None where it gives none."""
    parameters: int | None
    """Number of parameters, those of the base for an adapter; None where the Hub cannot tell."""
    provider: str | None = None
    """The inference provider that is asked, through the Hub's router."""
    precision: str | None = None
    """How its weights are packed, e.g. `4-bit gptq`; None where they are not, or where nobody says."""
    base_model: str | None = None
    """The model that an adapter is for."""
    released: date | None = None
    """When its repository was made; None where the Hub does not say."""

    @property
    def recorded(self) -> dict[str, Any]:
        """What a submission says of it, by field."""
        return {field: value for field, value in asdict(self).items() if field not in ("name", "provider")}


def check_model(
    name: str,
    *,
    revision: str | None,
    listed: bool,
    providers: bool,
    max_billions: float | None,
    provider: str | None = None,
) -> ModelFacts:
    """Ask the Hub about a model and refuse what cannot be evaluated.

    Args:
        name: `org/name`.
        revision: branch, tag or commit; None for the newest commit of the main branch.
        listed: whether the endpoint says by itself that it offers this model.
        providers: whether the endpoint is the Hub's router to inference providers, of which one must be live.
        max_billions: the greatest number of parameters, in billions; None for any.
        provider: what stands behind the name at the router: a provider, or a word for whichever is best now; None for
            nothing.

    Raises:
        Refused: with the reason.
    """
    wanted = (revision or "").strip() or None
    if "/" not in name or ":" in name:
        raise Refused("bad_name", "This endpoint runs models of the Hub: give the name as org/name.")
    if wanted is not None and (not _REVISION.fullmatch(wanted) or ".." in wanted):
        raise Refused("bad_revision", "A revision is a branch, a tag or a commit of the model, for example main.")
    if providers and wanted is not None:
        message = "A provider serves the revision that it has, so none can be chosen here. Leave the field empty."
        raise Refused("bad_revision", message)
    info = _ask(name, wanted)
    name = info.id if isinstance(info.id, str) and _ID.fullmatch(info.id) else name
    _check_access(name, info, listed=listed)
    base = _base(info)
    if base is not None:
        _check_adapter(name, base, listed=listed)
    _check_kind(name, info, listed=listed)
    parameters = _parameters(info) if base is None else _parameters(_ask(base, None)) if _ID.fullmatch(base) else None
    if max_billions is not None and not (parameters is None and listed):
        _check_size(name, parameters, max_billions)
    chosen = _provider(name, info, provider) if providers else None
    if not re.fullmatch(r"[0-9a-f]{40}", info.sha or ""):
        raise Refused("hub_unavailable", "The Hub does not say which commit this is. Try again later.")
    return ModelFacts(
        name=name,
        revision=None if providers else str(info.sha),
        licence=_licence(info),
        parameters=parameters,
        provider=chosen,
        precision=_precision(info),
        base_model=base,
        released=None if info.created_at is None else info.created_at.date(),
    )


def _provider(name: str, info: ModelInfo, wanted: str | None) -> str:
    """The provider to ask: never one that the router would choose anew each time."""
    serving = (p.provider for p in info.inference_provider_mapping or () if p.status == "live")
    live = sorted(provider for provider in serving if _PROVIDER.fullmatch(provider))
    if not live:
        message = f"No inference provider serves {name} now, so it cannot be evaluated. The Hub lists who serves it."
        raise Refused("no_provider", message)
    if wanted in live:
        return str(wanted)
    if len(live) == 1 and (wanted is None or wanted in _MOVING):
        return live[0]
    names = ", ".join(f"{name}:{provider}" for provider in live)
    if wanted is None or wanted in _MOVING:
        message = f"Several providers serve {name}, perhaps differently, so a row names one. Choose one of: {names}."
    else:
        message = f"{wanted} does not serve {name} now. Give one of: {names}."
    raise Refused("no_provider", message)


def canonical_name(name: str) -> str:
    """The Hub's own name of a model; the name itself where the Hub does not know it or cannot be asked."""
    try:
        found = _ask(name, None).id
    except Refused:
        return name
    return found if isinstance(found, str) and _ID.fullmatch(found) else name


def _ask(name: str, revision: str | None) -> ModelInfo:
    # imported here: a page that shows the queue needs no client of the Hub
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        DisabledRepoError,
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    from data.sources import hub_client

    try:
        with hub_client.bounded(SECONDS):
            return HfApi().model_info(name, revision=revision, expand=list(_EXPAND))
    except HFValidationError:
        raise Refused("bad_name", "Names on the Hub do not have this form. Give the name as org/name.") from None
    except RevisionNotFoundError:
        raise Refused("bad_revision", f"{name} has no revision {revision!r}. Its page on the Hub lists them.") from None
    except GatedRepoError:
        raise _gated(name) from None
    except DisabledRepoError:
        raise _disabled(name) from None
    except RepositoryNotFoundError as error:
        if "Invalid credentials" in str(error):
            raise _unavailable(hub_client.reason(error)) from None
        raise _not_found(name) from None
    except hub_client.FAILURES as error:
        raise _unavailable(hub_client.reason(error)) from None


def _check_access(name: str, info: ModelInfo, *, listed: bool) -> None:
    if info.private:
        # as for a model that does not exist: who may not see it shall not learn of it
        raise _not_found(name)
    if info.disabled:
        raise _disabled(name)
    if info.gated and not listed:
        raise _gated(name)


def _check_kind(name: str, info: ModelInfo, *, listed: bool) -> None:
    config: dict[str, Any] = info.config if isinstance(info.config, dict) else {}
    architectures = config.get("architectures") or []
    causal = any(str(architecture).endswith("ForCausalLM") for architecture in architectures)
    if info.pipeline_tag not in TASKS and not (info.pipeline_tag is None and causal):
        task = f"its task is {info.pipeline_tag}" if info.pipeline_tag else "the Hub knows no task of it"
        message = f"{name} does not generate text ({task}). Only models that answer in words can be asked."
        raise Refused("not_text_generation", message)
    if "custom_code" in (info.tags or []) and not listed:
        message = f"{name} needs code of its own to run. Code from a model's repository is never run here."
        raise Refused("custom_code", message)
    tokenizer = config.get("tokenizer_config")
    template = isinstance(tokenizer, dict) and tokenizer.get("chat_template")
    if not listed and not (template or config.get("chat_template_jinja") or (info.gguf or {}).get("chat_template")):
        message = (
            f"{name} has no chat template, so it cannot be asked as in a chat. A base model usually has a variant for "
            "chat (-Instruct, -chat, -it) that has one."
        )
        raise Refused("no_chat_template", message)


def _check_size(name: str, parameters: int | None, max_billions: float) -> None:
    if parameters is None:
        message = f"The Hub cannot tell how large {name} is: it has neither safetensors nor GGUF files."
        raise Refused("unknown_size", message)
    if parameters > max_billions * 1e9:
        message = f"{name} has {parameters / 1e9:.1f} billion parameters; the limit here is {max_billions:g} billion."
        raise Refused("too_large", message)


def _parameters(info: ModelInfo) -> int | None:
    """How many parameters it has: where several are packed into one number of the file, unpacked."""
    total = info.safetensors.total if info.safetensors else (info.gguf or {}).get("total")
    if not isinstance(total, int) or total <= 0:
        return None
    bits = _bits(info)
    counts = info.safetensors.parameters if info.safetensors else None
    if bits is None or not isinstance(counts, dict):
        return total
    each = {kind: n for kind, n in counts.items() if isinstance(n, int)}
    return sum(n * max(1, _PACKED_BITS.get(kind, bits) // bits) for kind, n in each.items()) or total


def _quantisation(info: ModelInfo) -> dict[str, Any]:
    config = info.config if isinstance(info.config, dict) else {}
    found = config.get("quantization_config")
    return found if isinstance(found, dict) else {}


def _bits(info: ModelInfo) -> int | None:
    """Bits of a packed weight; None where weights are not packed."""
    said = _quantisation(info)
    if said.get("load_in_4bit") or said.get("_load_in_4bit") or said.get("quant_method") == "mxfp4":
        return 4
    bits = said.get("bits") or said.get("w_bit")
    if bits is None and said.get("quant_method") == "awq":
        return 4
    if bits is None and said.get("quant_method") in ("compressed-tensors", "compressed_tensors"):
        groups = said.get("config_groups")
        first: object = next(iter(groups.values()), None) if isinstance(groups, dict) else None
        weights = first.get("weights") if isinstance(first, dict) else None
        bits = weights.get("num_bits") if isinstance(weights, dict) else None
    return bits if isinstance(bits, int) and not isinstance(bits, bool) and 1 <= bits < 8 else None


def _precision(info: ModelInfo) -> str | None:
    said = _quantisation(info)
    method = said.get("quant_method")
    bits = _bits(info)
    named = method if isinstance(method, str) and re.fullmatch(r"[a-z0-9_-]{1,30}", method) else None
    words = [word for word in (f"{bits}-bit" if bits else None, named) if word]
    return " ".join(words) or None


def _base(info: ModelInfo) -> str | None:
    """The model that this is an adapter for; None for a whole model. An adapter whose base nobody names has `?`."""
    tags = [str(tag) for tag in info.tags or []]
    config: dict[str, Any] = info.config if isinstance(info.config, dict) else {}
    peft = config.get("peft")
    of_tag = next((tag.removeprefix(_ADAPTER_TAG) for tag in tags if tag.startswith(_ADAPTER_TAG)), None)
    whole = bool(config.get("architectures"))
    if peft is None and of_tag is None and not ("peft" in tags or ("lora" in tags and not whole)):
        return None
    card = info.card_data
    named = (peft.get("base_model_name_or_path") if isinstance(peft, dict) else None, of_tag)
    said: object = next((n for n in named if n), None) or (card.get("base_model") if card is not None else None)
    said = _only(said)
    return said if isinstance(said, str) and _ID.fullmatch(said) else "?"


def _check_adapter(name: str, base: str, *, listed: bool) -> None:
    if listed:
        return
    of = f"an adapter of {base}" if _ID.fullmatch(base) else "an adapter of a model that it does not name"
    message = (
        f"{name} is {of}, not a whole model, and the endpoint does not say that it serves it. Merge it into its base "
        "and submit that, or ask the operator of this board to serve it."
    )
    raise Refused("adapter", message)


def _licence(info: ModelInfo) -> str | None:
    """The licence's name; `other` with a name of its own gives that name. Anything that is no short name is none."""
    card: Any = info.card_data or {}
    said: object = card.get("license")
    if said == "other":
        said = card.get("license_name") or said
    said = _only(said)
    return said if isinstance(said, str) and _LICENCE.fullmatch(said) else None


def _only(said: object) -> object:
    """What a card says; of a list what is alone in it, of a longer one nothing."""
    return said if not isinstance(said, list) else said[0] if len(said) == 1 else None


def _not_found(name: str) -> Refused:
    message = f"There is no public model {name} on the Hub. Check the spelling; a private one must be made public."
    return Refused("not_found", message)


def _disabled(name: str) -> Refused:
    return Refused("not_public", f"The Hub has disabled {name}: nobody can fetch it now.")


def _gated(name: str) -> Refused:
    message = (
        f"{name} is gated: only people whom its authors granted access can fetch it, and the endpoint does not say "
        "that it has it. Ask the operator of this board to be granted access and to serve it."
    )
    return Refused("gated", message)


def _unavailable(why: str) -> Refused:
    message = f"The Hub cannot be asked about this model now: {why}. Nothing was stored; try again later."
    return Refused("hub_unavailable", message)
