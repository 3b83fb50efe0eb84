import assert from "node:assert/strict";
import { test } from "node:test";
import { peopleOf } from "../../leaderboard/pages/board/table.js";
import { given, opened } from "./given.js";

test("columns are read alike in all three forms in which they are sent", () => {
  const forms = [{ all: "OpenAI" }, { of: ["OpenAI"], at: Array(7).fill(0) }, Array(7).fill("OpenAI")];
  for (const form of forms) {
    const { state } = opened("", (sent) => { sent.boards[0].rows.developer = form; return sent; });
    assert.deepEqual(state.board.rows.map((row) => row.developer), Array(7).fill("OpenAI"));
  }
});

test("numbers are whole multiples of the unit, and null stays null", () => {
  const { state } = opened("");
  const reliability = Object.fromEntries(state.board.rows.map((row) => [row.id, row.reliability]));
  for (const row of given.rows.filter((r) => r.name !== "practice")) assert.equal(reliability[row.id], row.reliability ?? null);
});

test("rows stand by name and are found by id", () => {
  const { state } = opened("");
  const names = [...state.board.rows].sort((a, b) => a.byName - b.byName).map((row) => row.model);
  assert.deepEqual(names, ["alpha_7b", "Éclair 2", "GPT-4o", "gpt-4o-mini", "model-2", "model-10", "Org/zeta-70b"]);
  for (const row of state.board.rows) assert.equal(state.board.byId.get(row.id), row);
});

test("opening a table twice changes nothing", () => {
  const { state, table } = opened("");
  const rows = state.board.rows;
  assert.equal(table.open(state.board).rows, rows);
});

test("what is withheld of people is nothing, not 0", () => {
  const estimates = { value: [null, 0], low: [null, -0.1], high: [null, 0.1] };
  assert.equal(peopleOf({ i: 0 }, estimates), null);
  assert.deepEqual(peopleOf({ i: 1 }, estimates), { value: 0, low: -0.1, high: 0.1 });
  assert.equal(peopleOf({ i: 1 }, undefined), null);
});
