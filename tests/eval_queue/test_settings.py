"""Every setting is documented, and a misspelt one is refused."""

from __future__ import annotations

import pytest

from data.errors import InputError
from eval_queue.commands.settings import BEGIN, END, markdown
from eval_queue.settings import OTHER_VARIABLES, PREFIX, Endpoint, Settings, load_settings
from tests.conftest import ROOT


@pytest.mark.parametrize("model", [Settings, Endpoint])
def test_every_field_is_documented_and_stands_in_the_table(model: type[Settings | Endpoint]) -> None:
    table = markdown()
    for name, field in model.model_fields.items():
        assert field.description, name
        shown = name if model is Endpoint else f"{PREFIX}{name.upper()}"
        assert f"| `{shown}` |" in table


def test_the_documents_have_the_table_as_it_is() -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    assert markdown() == BEGIN + page.split(BEGIN)[1].split(END)[0] + END


@pytest.mark.parametrize("name", ["ENDPOINTS", "ADMINISTRATORS", "JOBS_PACKAGES"])
def test_a_list_that_is_no_json_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"{PREFIX}{name}", "a-secret, ben")
    with pytest.raises(InputError, match="not valid JSON") as caught:
        load_settings()
    assert caught.value.field == f"{PREFIX}{name}"
    assert "a-secret" not in str(caught.value)


def test_an_unknown_variable_is_refused_with_the_nearest_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VALUE_PORTRAIT_ENDPOINT", '[{"api_key": "secret"}]')
    with pytest.raises(InputError, match="Did you mean VALUE_PORTRAIT_ENDPOINTS") as caught:
        load_settings()
    assert caught.value.field == "VALUE_PORTRAIT_ENDPOINT"
    assert "secret" not in str(caught.value)


def test_variables_of_other_parts_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*OTHER_VARIABLES, "VALUE_PORTRAIT_SOURCE"):
        monkeypatch.setenv(name, "practice")
    assert load_settings().source == "practice"
