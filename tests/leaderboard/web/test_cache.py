"""Finished pages are made once, kept within their bytes, and shared by those who ask at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.web.cache import Cache, memory
from tests.support.waiting import LIMIT


def test_a_value_is_made_once() -> None:
    cache, made = Cache[str](10_000), []
    for _ in range(3):
        assert cache.get(("a", 1), lambda: made.append(1) or "page") == "page"
    assert len(made) == 1
    assert cache.get(("a", 2), lambda: "another") == "another"


@given(st.lists(st.tuples(st.text(max_size=300), st.integers(0, 5000)), max_size=60))
def test_keys_and_values_never_take_more_than_the_limit(asked: list[tuple[str, int]]) -> None:
    cache = Cache[bytes](20_000)
    for key, n in asked:
        assert cache.get(("k", key, n), lambda n=n: bytes(n)) == bytes(n)
        assert cache.bytes <= 20_000


def test_long_keys_count() -> None:
    cache = Cache[str](100_000)
    for i in range(100):
        cache.get((i, "x" * 8_000), lambda: "")
    assert 8_000 < cache.bytes <= 100_000


def test_what_is_larger_than_all_is_given_and_drives_nothing_out() -> None:
    cache = Cache[bytes](2_000)
    cache.get("small", lambda: b"kept")
    assert cache.get("large", lambda: bytes(5_000)) == bytes(5_000)
    assert cache.get("small", lambda: b"made again") == b"kept"


def test_the_least_recently_used_leaves_first() -> None:
    cache = Cache[bytes](3_000)
    for name in ("a", "b", "a", "c"):
        cache.get(name, lambda: bytes(1_000))
    assert cache.get("a", lambda: b"again") == bytes(1_000)
    assert cache.get("b", lambda: b"again") == b"again"


def test_what_must_not_be_kept_is_made_again() -> None:
    cache = Cache[str](2_000)
    assert cache.get("a", lambda: "now", keep=lambda _: False) == "now"
    assert cache.get("a", lambda: "later") == "later"


def test_an_error_is_not_kept() -> None:
    cache = Cache[str](2_000)
    with pytest.raises(ZeroDivisionError):
        cache.get("a", lambda: str(1 // 0))
    assert cache.get("a", lambda: "well") == "well"


def test_those_who_ask_while_it_is_made_share_it() -> None:
    cache, made, begun, go = Cache[str](2_000), [], threading.Event(), threading.Event()

    def make() -> str:
        made.append(1)
        begun.set()
        go.wait(LIMIT)
        return "page"

    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(cache.get, "a", make)
        assert begun.wait(LIMIT)
        others = [pool.submit(cache.get, "a", make) for _ in range(4)]
        go.set()
        assert {f.result(LIMIT) for f in [first, *others]} == {"page"}
    assert len(made) == 1


def test_memory_counts_what_is_within_tuples() -> None:
    assert memory(("a" * 1_000, (b"b" * 1_000, 1))) > 2_000
    assert memory("é" * 1_000) < memory("𝄞" * 1_000)
