import assert from "node:assert/strict";
import { test } from "node:test";
import { chips, counts, inOrder, listed, passes } from "../../leaderboard/pages/board/rows.js";
import { given, opened } from "./given.js";

function lines(address) {
  const { state, columns, table } = opened(address);
  return listed(state, columns.sorting(), table.collator);
}

for (const { address, rows } of given.cases) {
  test(`${address || "nothing said"} shows ${rows.join(", ")}`, () => {
    const { entries } = lines(address);
    assert.deepEqual(entries.flatMap((entry) => (entry.row ? [entry.row.id] : [])), rows);
  });
}

test("groups stand by name with how many they are, those not known last, pinned ones first", () => {
  const { entries, found } = lines("?group=developer&pin=ten");
  const heads = entries.filter((entry) => entry.heading !== undefined).map(({ heading, n }) => [heading, n]);
  assert.deepEqual(heads, [["Pinned", 1], ["OpenAI", 2], ["Org", 2], ["Other", 1], ["Developer not known", 1]]);
  assert.equal(found, 6, "of those that are not pinned");
});

test("missing numbers stand last in both orders, equals by name", () => {
  const { table } = opened("");
  const rows = [["b", 1], ["c", null], ["a", 1], ["d", null], ["e", 2]].map(([id, x], byName) => ({ id, x, byName: id === "a" ? -1 : byName }));
  const ids = (down) => inOrder(rows, { key: "x", value: (row) => row.x }, down, table.collator).map((row) => row.id).join("");
  assert.equal(ids(false), "abecd");
  assert.equal(ids(true), "eabcd");
});

test("words are sorted as people sort them", () => {
  const { table } = opened("");
  const rows = ["model-10", "Model-9", "élan", "Zoo", "elan2"].map((word, byName) => ({ word, byName }));
  const sorted = inOrder(rows, { key: "word", value: (row) => row.word }, false, table.collator).map((row) => row.word);
  assert.deepEqual(sorted, ["élan", "elan2", "Model-9", "model-10", "Zoo"]);
});

test("sorting leaves what it is given as it is", () => {
  const { state, columns, table } = opened("?sort=Power");
  const before = state.board.rows.map((row) => row.id);
  inOrder(state.board.rows, columns.sorting(), false, table.collator);
  assert.deepEqual(state.board.rows.map((row) => row.id), before);
});

test("a choice's count is of the rows it would give", () => {
  const { state, table } = opened("?developer=OpenAI&weights=closed");
  assert.deepEqual(counts(state, "developer", table.collator), [["OpenAI", 2], ["Org", 0], ["Other", 0]]);
  assert.deepEqual(counts(state, "weights", table.collator), [["closed", 2], ["open", 0]]);
  assert.deepEqual(counts({ ...state, search: "mini" }, "developer", table.collator), [["OpenAI", 1], ["Org", 0], ["Other", 0]]);
});

test("a size that is not known is in no range", () => {
  const { state } = opened("?size_min=0");
  const sizes = state.board.rows.filter((row) => passes(row, state.filters)).map((row) => row.size);
  assert.ok(sizes.length && !sizes.includes(null));
});

test("every filter in use has a chip that takes it away", () => {
  const { state } = opened("?developer=OpenAI&developer=Org&reliable=yes&size_min=1&size_max=2000&until=2026-11-30");
  const words = chips(state.filters).map((chip) => chip.words);
  assert.deepEqual(words, ["Developer: OpenAI", "Developer: Org", "Profile: stands out", "Size: from 1 B to 2,000 B", "Row made: to 2026-11-30"]);
  for (const chip of chips(state.filters)) chip.remove();
  assert.deepEqual(chips(state.filters), []);
});
