"""Who may submit what: every reason for which a model is refused, against a Hub that speaks the real one's HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, get_args

import huggingface_hub.constants
import pytest
from pydantic import ValidationError

from data.errors import InputError
from data.sources import hub_client
from eval_queue.asking.transport import MAX_REPLY_BYTES
from eval_queue.queue import model_check
from eval_queue.queue.intake import Rules, offered_models, submit
from eval_queue.queue.queue import Queue
from eval_queue.records import BenchmarkRef
from eval_queue.settings import Endpoint, Settings
from eval_queue.store.local import LocalStore
from eval_queue.submission import Failure, RefusalCode, Refused, Submission
from tests.eval_queue.queue.conftest import Opener
from tests.support.hub import CAUSAL, CHAT, Fault, Hub, hub_server
from tests.support.odd_server import nobody_listens, odd_server

REAL_LIST = offered_models
BENCHMARK = BenchmarkRef(name="practice", version="1", digest="ab" * 32)
MODEL = "lab/model-7B-Instruct"
HUB_ENDPOINT = Endpoint(name="vllm", hub_models=True)
SIZE = {"BF16": 7_000_000_000}


@pytest.fixture(scope="module")
def shared_hub() -> Iterator[Hub]:
    with hub_server() as running:
        yield running


@pytest.fixture
def hub(shared_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The Hub that this process's clients speak to, without any token."""
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", shared_hub.url)
    monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", shared_hub.url)
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    shared_hub.requests.clear()
    yield shared_hub
    shared_hub.faults.clear()


@pytest.fixture(autouse=True)
def _no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoints here have no address, and no list of what they offer, unless a test says so."""
    monkeypatch.setattr("eval_queue.queue.intake.offered_models", lambda _: None)


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    """In a folder: what the Hub says of a model has nothing to do with where submissions live."""
    store = LocalStore(tmp_path / "store")
    return Queue(store, store, lease=timedelta(minutes=2))


@pytest.fixture
def either(opener: Opener) -> Queue:
    return opener()


def wish(queue: Queue, model: str = MODEL, *, submitter: str = "ada", **options: Any) -> Submission:
    given = {"endpoints": [HUB_ENDPOINT], "benchmark": BENCHMARK, "quota": 9, **options}
    return submit(queue, model, submitter=submitter, **given)


def refusal(queue: Queue, model: str = MODEL, **options: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        wish(queue, model, **options)
    assert queue.submissions() == [], "nothing is stored"
    message = str(refused.value)
    assert message.endswith((".", ")"))
    assert "127.0.0.1" not in message
    return refused.value


# --- models of the Hub ----------------------------------------------------------------------------------------------


def test_a_model_is_pinned_and_its_licence_and_size_are_noted(hub: Hub, queue: Queue) -> None:
    head = hub.add_model("lab/pinned", parameters=SIZE)
    stored = wish(queue, "lab/pinned")
    assert (stored.revision, stored.licence, stored.parameters) == (head, "apache-2.0", 7_000_000_000)
    assert queue.get(stored.id) == stored
    assert hub.requests.count("info") == 1


def test_a_branch_a_tag_and_a_commit_become_the_commit_they_stand_for(hub: Hub, queue: Queue) -> None:
    first = hub.add_model("lab/moving", parameters=SIZE)
    old = wish(queue, "lab/moving", revision=" main ")
    second = hub.commit("lab/moving", {"notes.md": b"new"}, kind="model")
    new = wish(queue, "lab/moving")
    assert (old.revision, new.revision) == (first, second)
    assert old.id != new.id
    with pytest.raises(Refused) as refused:
        wish(queue, "lab/moving", revision=first)
    assert (refused.value.code, refused.value.existing) == ("duplicate", old.id)


MODELS: dict[str, tuple[dict[str, Any], RefusalCode, str]] = {
    "private": ({"private": True}, "not_found", "no public model"),
    "disabled": ({"disabled": True}, "not_public", "disabled"),
    "gated": ({"gated": "manual"}, "gated", "Ask the operator"),
    "no template": ({"tokenizer": {"eos_token": "</s>"}}, "no_chat_template", "no chat template"),
    "no tokenizer": ({"tokenizer": {}}, "no_chat_template", "-Instruct"),
    "other task": (
        {"config": {"architectures": ["BertModel"]}, "card": "---\npipeline_tag: fill-mask\n---\n"},
        "not_text_generation",
        "its task is fill-mask",
    ),
    "no task": ({"config": {}}, "not_text_generation", "knows no task"),
    "own code": ({"config": {**CAUSAL, "auto_map": {"AutoModel": "m.M"}}}, "custom_code", "never run here"),
    "too large": (
        {"parameters": {"BF16": 90_000_000_000}},
        "too_large",
        "90.0 billion .* limit here is 80 billion",
    ),
    "size unknown": ({"parameters": None}, "unknown_size", "how large"),
}


@pytest.mark.parametrize("what", MODELS)
def test_what_the_hub_says_against_a_model(hub: Hub, queue: Queue, what: str) -> None:
    model, code, words = MODELS[what]
    name = f"lab/{what.replace(' ', '-')}"
    hub.add_model(name, **{"parameters": SIZE, **model})
    refused = refusal(queue, name, rules=Rules(max_billions=80))
    assert refused.code == code
    assert re.search(words, str(refused))


NAMES: dict[str, tuple[str, str | None, RefusalCode]] = {
    "nowhere": ("lab/nowhere", None, "not_found"),
    "bare": ("gpt-2", None, "bad_name"),
    "address": ("https://127.0.0.1/lab/model", None, "bad_name"),
    "forbidden by the Hub": ("lab/a--b", None, "bad_name"),
    "no such branch": ("lab/known", "v9", "bad_revision"),
    "no such commit": ("lab/known", "0" * 40, "bad_revision"),
    "a path": ("lab/known", "../../settings", "bad_revision"),
    "markup": ("lab/known", "<img src=x>", "bad_revision"),
}


@pytest.mark.parametrize("what", NAMES)
def test_names_and_revisions_that_stand_for_nothing(hub: Hub, queue: Queue, what: str) -> None:
    if what == "nowhere":
        hub.add_model("lab/known", parameters=SIZE)
    name, revision, code = NAMES[what]
    refused = refusal(queue, name, revision=revision)
    assert refused.code == code
    assert "<" not in str(refused)


def test_every_reason_is_tried_here_or_where_it_arises() -> None:
    here = {code for _, code, _ in MODELS.values()} | {code for *_, code in NAMES.values()}
    here |= {"adapter", "no_provider", "hub_unavailable", "no_endpoint", "duplicate", "quota"}
    pages_and_packages = {"sign_in", "unknown_model", "bad_package", "other_benchmark", "incomplete"}
    pages_and_packages |= {"unreadable", "name_taken", "busy", "too_large"}
    assert here | pages_and_packages == set(get_args(RefusalCode))


def test_a_private_model_is_as_one_that_does_not_exist_even_with_the_operator_s_token(
    hub: Hub, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add_model(f"{hub.org}/secret", private=True, parameters=SIZE)
    monkeypatch.delenv("HF_HUB_DISABLE_IMPLICIT_TOKEN")
    monkeypatch.setenv("HF_TOKEN", hub.token)
    assert str(refusal(queue, f"{hub.org}/secret")) == str(refusal(queue, f"{hub.org}/secrex")).replace(
        "secrex", "secret"
    )


@pytest.mark.parametrize(
    "model",
    [
        {"gated": "auto"},
        {"config": {**CAUSAL, "auto_map": {"AutoModel": "m.M"}}},
        {"parameters": None},
    ],
)
def test_an_endpoint_that_lists_a_model_can_run_it(
    hub: Hub, queue: Queue, monkeypatch: pytest.MonkeyPatch, model: dict[str, Any]
) -> None:
    name = f"lab/listed-{next(iter(model))}"
    hub.add_model(name, **{"parameters": SIZE, **model})
    monkeypatch.setattr("eval_queue.queue.intake.offered_models", lambda _: [name])
    assert wish(queue, name, rules=Rules(max_billions=80)).revision


def test_the_template_may_be_a_file_of_its_own(hub: Hub, queue: Queue) -> None:
    hub.add_model("lab/jinja", tokenizer={}, files={"chat_template.jinja": b"{{ messages }}"}, parameters=SIZE)
    assert wish(queue, "lab/jinja").revision


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("no metadata", None),
        ("---\nlicense: other\nlicense_name: our-terms\n---\n", "our-terms"),
        ("---\nlicense: [mit]\n---\n", "mit"),
        ("---\nlicense: [mit, gpl]\n---\n", None),
        ("---\nlicense: '<img src=x>'\n---\n", None),
        ("---\nlicense: {a: b}\n---\n", None),
    ],
)
def test_a_licence_is_noted_as_the_card_names_it(hub: Hub, queue: Queue, card: str, licence: str | None) -> None:
    name = f"lab/licence-{abs(hash(card)) % 10**9}"
    hub.add_model(name, card=card, parameters=SIZE)
    assert wish(queue, name).licence == licence


@pytest.mark.parametrize(("providers", "serves"), [(None, False), ({"a": "error"}, False), ({"a": "live"}, True)])
def test_through_the_router_a_provider_must_be_live(
    hub: Hub, queue: Queue, providers: dict[str, str] | None, serves: bool
) -> None:
    name = f"lab/provided-{serves}-{bool(providers)}"
    hub.add_model(name, providers=providers, parameters=SIZE, tokenizer=CHAT)
    router = Endpoint(name="router", hub_models=True, hub_providers=True)
    if serves:
        stored = wish(queue, f"{name}:a", endpoints=[router])
        # a provider serves the revision that it has: nobody can ask for a commit
        assert (stored.model, stored.revision, stored.licence) == (f"{name}:a", None, "apache-2.0")
    else:
        assert refusal(queue, name, endpoints=[router]).code == "no_provider"


ROUTER: Final = Endpoint(name="router", models=["lab/*"], hub_models=True, hub_providers=True)


@pytest.mark.parametrize("behind", ["", ":fastest", ":cheapest", ":b"])
def test_a_moving_name_at_the_router_becomes_its_provider(hub: Hub, queue: Queue, behind: str) -> None:
    name = f"lab/one-provider{behind.replace(':', '-')}"
    hub.add_model(name, providers={"a": "error", "b": "live"}, parameters=SIZE)
    assert wish(queue, f"{name}{behind}", endpoints=[ROUTER]).model == f"{name}:b"


@pytest.mark.parametrize("behind", ["", ":fastest", ":cheapest", ":a", ":nowhere"])
def test_where_several_providers_serve_a_model_one_is_named(hub: Hub, queue: Queue, behind: str) -> None:
    name = f"lab/providers{behind.replace(':', '-')}"
    hub.add_model(name, providers={"c": "live", "a": "staging", "b": "live"}, parameters=SIZE)
    refused = refusal(queue, f"{name}{behind}", endpoints=[ROUTER])
    assert refused.code == "no_provider"
    assert f"{name}:b, {name}:c" in str(refused)


def test_a_revision_cannot_be_chosen_at_the_router(hub: Hub, queue: Queue) -> None:
    hub.add_model("lab/routed", providers={"a": "live"}, parameters=SIZE)
    for revision in ("main", "refs/pr/3", "0" * 40):
        assert refusal(queue, "lab/routed:a", endpoints=[ROUTER], revision=revision).code == "bad_revision"


def test_an_exact_name_of_the_operator_s_allows_its_providers() -> None:
    exact = Endpoint(name="router", models=["lab/m"], hub_providers=True, paid=True)
    assert exact.serves("lab/m:a")
    assert not exact.serves("lab/n:a")
    assert not Endpoint(name="own", models=["lab/m"]).serves("lab/m:a")


# --- what people submit ---------------------------------------------------------------------------------------------


def renamed(hub: Hub, old: str, new: str) -> None:
    """A repository that the Hub answers for under its new name, as it does after a rename or for other letter case."""
    facts = {"id": new, "safetensors": {"parameters": SIZE, "total": 7_000_000_000}}
    config = {"config.json": json.dumps(CAUSAL).encode(), "tokenizer_config.json": json.dumps(CHAT).encode()}
    hub.add_repo(old, kind="model", files=config, facts=facts)


def test_a_renamed_model_and_another_letter_case_are_the_model_itself(hub: Hub, queue: Queue) -> None:
    hub.add_model("newlab/thing", parameters=SIZE)
    renamed(hub, "oldlab/thing", "newlab/thing")
    stored = wish(queue, "oldlab/thing")
    assert stored.model == "newlab/thing"


def test_an_endpoint_that_lists_the_hub_s_own_name_is_asked_for_that(
    hub: Hub, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add_model("NewLab/Other", parameters=SIZE)
    renamed(hub, "oldlab/other", "NewLab/Other")
    monkeypatch.setattr("eval_queue.queue.intake.offered_models", lambda _: ["NewLab/Other"])
    assert wish(queue, "oldlab/other").model == "NewLab/Other"


def test_a_model_without_a_template_is_taken_where_the_endpoint_lists_it(
    hub: Hub, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add_model("lab/own-format", tokenizer={}, parameters=SIZE)
    monkeypatch.setattr("eval_queue.queue.intake.offered_models", lambda _: ["lab/own-format"])
    assert wish(queue, "lab/own-format").revision


ADAPTERS = {
    "tags": "---\nlicense: mit\ntags: [peft, lora]\nbase_model: lab/giant\npipeline_tag: text-generation\n---\n",
    "library": "---\nlibrary_name: peft\nbase_model: lab/giant\npipeline_tag: text-generation\n---\n",
    "the Hub's tag": "---\ntags: ['base_model:adapter:lab/giant']\npipeline_tag: text-generation\n---\n",
}


@pytest.mark.parametrize("kind", ADAPTERS)
def test_an_adapter_is_none_of_the_small_models(
    hub: Hub, queue: Queue, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    if kind == "tags":
        hub.add_model("lab/giant", parameters={"BF16": 70_000_000_000})
    name = f"lab/adapter-{len(kind)}"
    hub.add_model(name, card=ADAPTERS[kind], config={}, parameters={"F32": 20_000_000})
    refused = refusal(queue, name)
    assert refused.code == "adapter"
    assert "lab/giant" in str(refused)
    monkeypatch.setattr("eval_queue.queue.intake.offered_models", lambda _: [name])
    assert refusal(queue, name, rules=Rules(max_billions=30)).code == "too_large"
    stored = wish(queue, name)
    assert (stored.parameters, stored.base_model) == (70_000_000_000, "lab/giant")


PACKED: dict[str, tuple[dict[str, Any], dict[str, int], int, str]] = {
    "gptq": ({"quant_method": "gptq", "bits": 4}, {"I32": 8_000_000_000, "F16": 1_000_000_000}, 65, "4-bit gptq"),
    "awq": ({"quant_method": "awq", "bits": 4}, {"I32": 8_000_000_000, "F16": 1_000_000_000}, 65, "4-bit awq"),
    "bitsandbytes": (
        {"quant_method": "bitsandbytes", "load_in_4bit": True},
        {"U8": 32_000_000_000, "BF16": 1_000_000_000},
        65,
        "4-bit bitsandbytes",
    ),
    "fp8": ({"quant_method": "fp8"}, {"F8_E4M3": 64_000_000_000, "BF16": 1_000_000_000}, 65, "fp8"),
}


@pytest.mark.parametrize("kind", PACKED)
def test_packed_weights_are_counted_unpacked(hub: Hub, queue: Queue, kind: str) -> None:
    said, counts, billions, precision = PACKED[kind]
    name = f"lab/packed-{kind}"
    config = {**CAUSAL, "quantization_config": said}
    facts = {
        "safetensors": {"parameters": counts, "total": sum(counts.values())},
        "config": {**config, "tokenizer_config": CHAT},
    }
    files = {"config.json": json.dumps(config).encode(), "tokenizer_config.json": json.dumps(CHAT).encode()}
    hub.add_repo(name, kind="model", files=files, facts=facts)
    assert refusal(queue, name, rules=Rules(max_billions=40)).code == "too_large"
    stored = wish(queue, name)
    assert (stored.parameters, stored.precision) == (billions * 10**9, precision)


@pytest.mark.parametrize(
    "typed",
    [
        "https://huggingface.co/lab/typed",
        "http://www.huggingface.co/lab/typed/",
        "huggingface.co/lab/typed?library=transformers",
        "hf.co/lab/typed",
        "https://hf.co/lab/typed/tree/main",
        "HTTPS://HuggingFace.co/lab/typed",
        "hf://lab/typed",
        "git@hf.co:lab/typed.git",
        "`lab/typed`",
        "\u201clab/typed\u201d,",
        "https://huggingface.co/lab/typed/blob/main/config.json",
        "  lab/typed \n",
        "\u200blab/typed\ufeff",
    ],
)
def test_the_name_is_taken_out_of_what_was_pasted(hub: Hub, queue: Queue, typed: str) -> None:
    name = f"lab/typed-{sum(map(ord, typed))}"
    hub.add_model(name, parameters=SIZE)
    assert wish(queue, typed.replace("lab/typed", name)).model == name


@pytest.mark.parametrize(
    ("typed", "code", "words"),
    [
        ("lab/ty\u200bped", "bad_name", "U+200B, zero width space"),
        ("lab/t\u0443ped", "bad_name", "U+0443, cyrillic small letter u"),
        ("lab/ty ped", "bad_name", "U+0020, space"),
        ("https://huggingface.co/datasets/lab", "bad_name", "datasets"),
        ("https://huggingface.co/lab/typed/tree/v2", "bad_revision", "its own field"),
        ("https://example.org/lab/typed", "bad_name", "address"),
    ],
)
def test_what_is_odd_about_a_name_is_named(queue: Queue, typed: str, code: str, words: str) -> None:
    refused = refusal(queue, typed)
    assert refused.code == code
    assert words in str(refused)


# --- a Hub in trouble -----------------------------------------------------------------------------------------------


FAULTS: dict[str, Fault] = {
    "500": Fault(route="info", status=500),
    "429": Fault(route="info", status=429, retry_after=300),
    "cut": Fault(route="info", cut=True),
    "hangs": Fault(route="info", delay=30),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_hub_in_trouble_is_said_and_nothing_is_stored(
    hub: Hub, queue: Queue, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    name = f"lab/fine-{what}"
    hub.add_model(name, parameters=SIZE)
    hub.faults.add(FAULTS[what])
    with monkeypatch.context() as impatient:
        impatient.setattr(model_check, "SECONDS", 1.0)
        refused = refusal(queue, name)
    assert refused.code == "hub_unavailable"
    assert "Nothing was stored" in str(refused)
    hub.faults.clear()
    if what == "429":
        assert "left alone until" in str(refusal(queue, name)), "as it asked to be"
        hub_client.PAUSES.forget()  # the time is over
    assert wish(queue, name).revision


def test_a_hub_that_is_gone_is_said(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    with nobody_listens() as address:
        monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", f"http://{address}")
        assert "no connection" in str(refusal(queue))


def test_an_answer_that_cannot_be_read_is_said(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    with odd_server() as server:
        monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", server.url)
        for server.status in (200, 404, 500):
            for server.body in (b"<html>maintenance</html>", b"null", b"[]", b"{}", b'{"id": 7, "sha": 7}'):
                assert refusal(queue).code in ("hub_unavailable", "not_text_generation")
        assert server.answered == 15


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"X-Error-Code": "GatedRepo"}, "gated"),
        ({"X-Error-Message": "Access to this resource is disabled."}, "not_public"),
        ({"X-Error-Message": "Something else."}, "hub_unavailable"),
    ],
)
def test_a_refusal_of_the_hub_itself_has_the_same_reasons(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], code: str
) -> None:
    """Where it does not even describe the model."""
    with odd_server() as server:
        monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", server.url)
        server.status, server.headers = 403, headers
        assert refusal(queue).code == code


def test_a_token_that_is_not_accepted_is_the_operator_s_matter(
    hub: Hub, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_DISABLE_IMPLICIT_TOKEN")
    monkeypatch.setenv("HF_TOKEN", "hf_" + "x" * 32)
    hub.add_model("lab/with-token", parameters=SIZE)
    refused = refusal(queue, "lab/with-token")
    assert refused.code == "hub_unavailable"
    assert "hf_x" not in str(refused)


# --- other endpoints ------------------------------------------------------------------------------------------------


def test_other_endpoints_never_ask_the_hub(hub: Hub, queue: Queue) -> None:
    assert wish(queue, "gpt-x", endpoints=[Endpoint(name="api")]).revision is None
    assert hub.requests.count() == 0
    with pytest.raises(Refused) as refused:
        wish(queue, "gpt-y", endpoints=[Endpoint(name="api")], revision="main")
    assert refused.value.code == "bad_revision"


@pytest.mark.parametrize("models", [["*"], ["gpt-?"], ["gpt-x", "claude-[ab]"]])
def test_a_paid_endpoint_needs_a_list(models: list[str]) -> None:
    with pytest.raises(ValidationError, match="exact model names"):
        Endpoint(name="paid", paid=True, models=models)


def test_a_paid_endpoint_is_asked_for_its_list_only(queue: Queue) -> None:
    paid = Endpoint(name="paid", paid=True, models=["gpt-x"])
    assert refusal(queue, "gpt-x-large", endpoints=[paid]).code == "no_endpoint"
    assert wish(queue, "gpt-x", endpoints=[paid]).endpoint == "paid"


# --- people ---------------------------------------------------------------------------------------------------------

API = [Endpoint(name="api")]


def test_a_week_s_quota_counts_what_was_asked_for_in_any_state(either: Queue) -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    either.clock = lambda: now
    rules = Rules(per_week=2)
    wish(either, "a", endpoints=API, rules=rules)
    claim = either.claim("w", runnable=lambda _: True)
    assert claim is not None
    either.fail(claim, Failure(code="x", message="y"))
    withdrawn = wish(either, "b", endpoints=API, rules=rules)
    either.cancel(withdrawn.id, by="ada")
    wish(either, "c", endpoints=API, rules=rules)  # a withdrawn one does not count
    with pytest.raises(Refused, match="2 evaluations within the last week; the limit is 2"):
        wish(either, "d", endpoints=API, rules=rules)
    with pytest.raises(Refused, match="within the last week"):
        either.requeue(withdrawn.id, by="ada", quota=9, per_week=2)
    wish(either, "d", endpoints=API, rules=rules, submitter="ben")
    either.clock = lambda: now + timedelta(days=7, seconds=1)
    wish(either, "e", endpoints=API, rules=rules)


def test_quotas_are_read_from_the_records_by_any_process(opener: Opener) -> None:
    for name in ("a", "b"):
        wish(opener(), name, endpoints=API, rules=Rules(per_week=2))
    with pytest.raises(Refused, match="within the last week"):
        wish(opener(), "c", endpoints=API, rules=Rules(per_week=2))
    with pytest.raises(Refused, match="waiting or running"):
        wish(opener(), "c", endpoints=API, quota=2)
    assert wish(opener(), "c", endpoints=API, quota=2, submitter="ben").state == "pending"


def test_what_waits_for_approval_is_not_evaluated_and_counts(either: Queue, opener: Opener) -> None:
    rules = Rules(approval=True, administrators=frozenset({"root"}))
    asked = wish(either, "a", endpoints=API, rules=rules)
    assert asked.state == "proposed"
    assert opener().claim("w", runnable=lambda _: True) is None
    assert either.position(asked.id) is None
    with pytest.raises(Refused, match="waiting or running"):
        wish(either, "b", endpoints=API, rules=rules, quota=1)
    opener().approve(asked.id, by="root")
    assert either.position(asked.id) == 1
    claim = either.claim("w", runnable=lambda _: True)
    assert claim is not None
    either.fail(claim, Failure(code="x", message="y"))
    assert either.requeue(asked.id, by="ada", approval=True).state == "proposed"
    with pytest.raises(InputError, match="not possible"):
        either.approve(either.approve(asked.id, by="root").id, by="root")
    assert wish(either, "c", endpoints=API, rules=rules, submitter="root").state == "pending"


def test_a_higher_priority_is_evaluated_first(either: Queue, opener: Opener) -> None:
    first, second = wish(either, "a", endpoints=API), wish(either, "b", endpoints=API)
    either.prioritise(second.id, 5, by="root")
    assert (either.position(second.id), either.position(first.id)) == (1, 2)
    claim = opener().claim("w", runnable=lambda _: True)
    assert claim is not None
    assert (claim.submission.model, claim.submission.priority) == ("b", 5)
    with pytest.raises(InputError, match="-100 to 100"):
        either.prioritise(first.id, 1000, by="root")
    with pytest.raises(InputError, match="for what waits"):
        either.prioritise(second.id, 0, by="root")


def test_the_rules_are_the_settings() -> None:
    settings = Settings(
        submissions_per_week=3, approval=True, administrators=["a"], max_billion_parameters=9, upload_megabytes=2
    )
    assert Rules.of(settings) == Rules(3, True, frozenset({"a"}), 9.0, 2_000_000)
    assert hub_client.REQUEST_SECONDS <= model_check.SECONDS


def test_visitors_sign_in_on_a_space_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert (Settings().signs_in, Settings(oauth=True).signs_in) == (False, True)
    monkeypatch.setenv("SPACE_ID", "org/board")
    assert (Settings().signs_in, Settings(oauth=False).signs_in) == (True, False)


# --- lists of models ------------------------------------------------------------------------------------------------


def test_a_list_of_models_is_bounded_and_no_redirect_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the real function, which the other tests replace."""
    monkeypatch.setenv("LIST_KEY", "sk-0123456789abcdef")
    with odd_server() as server, odd_server() as other:
        other.body = b'{"data": [{"id": "org/other"}]}'
        endpoint = Endpoint.model_validate({"name": "e", "base_url": f"{server.url}/v1", "api_key_env": "LIST_KEY"})
        server.status, server.headers = 307, {"location": f"{other.url}/v1/models"}
        assert REAL_LIST(endpoint) is None
        assert other.answered == 0
        server.status, server.headers = 200, {}
        server.body = b'{"data": [{"id": "org/mine"}]}'
        assert REAL_LIST(endpoint) == ["org/mine"]
        server.body += b" " * MAX_REPLY_BYTES
        assert REAL_LIST(endpoint) is None
