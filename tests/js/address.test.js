import assert from "node:assert/strict";
import { test } from "node:test";
import { fields, noFilters, parse, withFields } from "../../leaderboard/pages/board/address.js";
import { problems } from "../../leaderboard/pages/board/rows.js";
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

test("of a table that is not here nothing is shown, and it is told", () => {
  const { state } = opened("?table=gone");
  assert.equal(state.lost, "gone");
  assert.equal(state.board, null);
  assert.equal(opened("?table=practice").state.lost, null);
});

test("what a filter says that no row can be is told", () => {
  const said = (address) => problems(opened(address).state);
  assert.deepEqual(said("?developer=Org&weights=open&reliable=flat&size_min=1&since=2026-11-01"), []);
  for (const [address, word] of [["?developer=nobody", "nobody"], ["?weights=opeen", "opeen"], ["?reliable=x1", "x1"], ["?size_max=big", "big"], ["?until=yesterday", "yesterday"]]) {
    assert.equal(said(address).length, 1);
    assert.match(said(address)[0], new RegExp(word));
  }
});

test("fields that are not the board's stay in the address", () => {
  const href = withFields("https://example.org/?__theme=dark&sort=Power&pin=a&pin=b#x", [["sort", "mean"], ["pin", "c"]]);
  assert.equal(href, "https://example.org/?__theme=dark&sort=mean&pin=c#x");
});

test("a table without any rows can be opened", () => {
  const { state, columns } = opened("?developer=OpenAI&pin=gpt", (sent) => ({ ...sent, boards: [] }));
  assert.equal(state.board, null);
  assert.deepEqual(state.filters, { ...noFilters(), developer: new Set(["OpenAI"]) });
  assert.equal(columns.sorting().key, "name");
});

test("choices of two visits are not shared", () => {
  const { table, state } = opened("?developer=OpenAI");
  parse("?developer=Org", table).filters.developer.add("Other");
  assert.deepEqual([...state.filters.developer], ["OpenAI"]);
});
