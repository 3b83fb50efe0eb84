"""The orders of the queue, carried on from state to state, against the same sorted anew."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from eval_queue.queue.order import Order
from eval_queue.records import BenchmarkRef
from eval_queue.settings import Endpoint
from eval_queue.store.collection import Collection, encode
from eval_queue.store.local import LocalStore
from eval_queue.submission import Submission, cancelled, claimed, new_submission, prioritised, released, requeued

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LEASE = timedelta(minutes=2)


def asked(n: int, dice: random.Random) -> Submission:
    return new_submission(
        f"org/model-{n}",
        endpoint=Endpoint(name="vllm"),
        benchmark=BenchmarkRef(name="practice", version="1", digest="ab" * 32),
        submitter="ada",
        at=START + timedelta(seconds=dice.randrange(20)),
    )


def step(s: Submission, at: datetime, dice: random.Random) -> Submission:
    if s.state == "running":
        return released(s, at=at, why="stopped") if dice.random() < 0.5 else cancelled(s, at=at, by="ada")
    if s.state == "pending":
        if dice.random() < 0.5:
            return claimed(s, worker="w", nonce=str(dice.random()), at=at, lease=LEASE)
        return prioritised(s, dice.randrange(-2, 3), at=at, by="ada")
    return requeued(s, at=at, by="ada")


def test_an_order_carried_on_is_the_one_sorted_anew(tmp_path: Path) -> None:
    dice = random.Random(1)
    store = LocalStore(tmp_path / "store")
    collection = Collection(store, "submissions", Submission)
    order, number = Order(collection.read()), 0
    carried = 0
    for moment in range(300):
        records, changes = collection.read().records, {}
        for _ in range(dice.randrange(4)):
            number += 1
            new = asked(number, dice)
            changes[collection.path(new.id)] = encode(new)
        for id_ in dice.sample(sorted(records), min(len(records), dice.randrange(3))):
            moved = step(records[id_], START + timedelta(minutes=moment), dice)
            changes[collection.path(id_)] = None if dice.random() < 0.1 else encode(moved)
        if dice.random() < 0.1:
            changes["submissions/broken.json"] = b"{" + str(moment).encode()
        store.commit(changes, store.head(), "steps")
        now = collection.read()
        if dice.random() < 0.3:  # nobody asks for the order of this state
            continue
        carried += now.changed_since(order.version) is not None
        order = Order(now, order)
        anew = Order(now)
        assert order.by_age == anew.by_age
        assert set(order.running) == set(anew.running)
        waiting = sorted(
            (s for s in now.records.values() if s.state == "pending"), key=lambda s: (-s.priority, s.created, s.id)
        )
        assert list(order.waiting({})) == waiting
        assert [order.place(s.id) for s in waiting] == list(range(1, len(waiting) + 1))
        assert order.place("nobody") is None
    assert carried > 150


def test_what_waits_after_changes_that_are_about_to_be_made_stands_in_its_place(tmp_path: Path) -> None:
    dice = random.Random(2)
    store = LocalStore(tmp_path / "store")
    collection = Collection(store, "submissions", Submission)
    made = [asked(n, dice) for n in range(6)]
    running = claimed(made[0], worker="w", nonce="1", at=START, lease=LEASE)
    files = {collection.path(s.id): encode(s) for s in (running, *made[1:])}
    store.commit(dict(files), store.head(), "asked")
    order = Order(collection.read())
    changes = {
        made[0].id: released(running, at=START, why="silent"),
        made[1].id: cancelled(made[1], at=START, by="ada"),
    }
    expected = sorted(made[:1] + made[2:], key=lambda s: (s.created, s.id))
    assert [s.id for s in order.waiting(changes)] == [s.id for s in expected]


def test_more_changes_than_are_remembered_are_no_longer_known(tmp_path: Path) -> None:
    dice = random.Random(3)
    store = LocalStore(tmp_path / "store")
    collection = Collection(store, "submissions", Submission)
    first = collection.read()
    for n in range(40):
        new = asked(n, dice)
        store.commit({collection.path(new.id): encode(new)}, store.head(), "asked")
        now = collection.read()
    assert now.changed_since(first.version) is None
    assert now.changed_since(now.version) == frozenset()
    assert now.changed_since(now.version + 1) is None
    assert now.changed_since(now.version - 2) == {
        s.id for s in Order(now, Order(first)).by_age if s.id in {i for c in now.changes[-2:] for i in c}
    }
