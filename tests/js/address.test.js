import assert from "node:assert/strict";
import { test } from "node:test";
import { fields, noFilters, parse, withFields } from "../../leaderboard/pages/board/address.js";
import { given, opened } from "./given.js";

const said = (address) => {
  const { state, table } = opened(address);
  return new URLSearchParams(fields(state, table)).toString();
};

for (const { address, says } of given.cases) {
  test(`${address || "nothing"} is written as ${says || "nothing"}`, () => {
    assert.equal(said(address), says);
    assert.equal(said(`?${says}`), says, "and that says the same");
  });
}

test("a table that is not here is told, and the usual one opens", () => {
  const { state, table } = opened("?table=gone");
  assert.equal(state.lost, true);
  assert.equal(state.board, table.boards[0]);
  assert.equal(opened("?table=practice").state.lost, false);
});

test("fields that are not the board's stay in the address", () => {
  const href = withFields("https://example.org/?__theme=dark&sort=Power&pin=a&pin=b#x", [["sort", "mean"], ["pin", "c"]]);
  assert.equal(href, "https://example.org/?__theme=dark&sort=mean&pin=c#x");
});

test("a table without any rows can be opened", () => {
  const { state, columns } = opened("?developer=OpenAI&pin=gpt", (sent) => ({ ...sent, boards: [] }));
  assert.equal(state.board, null);
  assert.deepEqual(state.filters, noFilters());
  assert.equal(columns.sorting().key, "name");
});

test("choices of two visits are not shared", () => {
  const { table, state } = opened("?developer=OpenAI");
  parse("?developer=Org", table).filters.developer.add("Other");
  assert.deepEqual([...state.filters.developer], ["OpenAI"]);
});
