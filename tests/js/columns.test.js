import assert from "node:assert/strict";
import { test } from "node:test";
import { coverageInWords, descendsFirst, inWords, place } from "../../leaderboard/pages/board/columns.js";
import { cellOf, rawOf } from "../../leaderboard/pages/board/table.js";
import { opened } from "./given.js";

const keys = (address) => opened(address).columns.shown().map((column) => column.key);

test("columns are those of the scale and what the address asks for", () => {
  assert.deepEqual(keys("?scale=higher_pvq").slice(0, 2), ["name", "Openness to Change"]);
  assert.ok(!keys("").includes("wording"));
  assert.ok(keys("?show=wording").includes("wording"));
  assert.ok(!keys("?hide=Power").includes("Power"));
});

test("with further columns on a small screen words give way to numbers", () => {
  assert.ok(keys("").includes("origin"));
  assert.ok(!keys("?show=wording").includes("origin"));
});

test("nothing is sorted by a column that is not shown", () => {
  for (const address of ["?sort=Power&hide=Power", "?sort=wording", "?sort=Power&scale=bfi", "?sort=nearest"]) assert.equal(opened(address).columns.sorting().key, "name", address);
  assert.equal(opened("?sort=wording&show=wording").columns.sorting().key, "wording");
});

test("numbers and dates are sorted from the top first, words from A", () => {
  const { columns } = opened("?show=wording,like_raters,nearest");
  const words = columns.all().filter((column) => !descendsFirst(column)).map((column) => column.key);
  assert.deepEqual(words, ["name", "nearest", "origin"]);
});

test("a cell is read with its interval, centred or raw", () => {
  const { state, columns } = opened("");
  const zeta = state.board.byId.get("zeta");
  const at = columns.dimensions().findIndex((d) => d.name === "Power");
  assert.deepEqual(cellOf(state.board, zeta, 0, at), { score: 0.2, low: 0.1, high: 0.3, n: columns.reading(zeta, at).n });
  assert.equal(rawOf(state.board, zeta, 0, at).raw, 4.2);
  assert.equal(rawOf(state.board, zeta, 0, at).low, null, "the interval of its own average is not known");
  assert.equal(inWords(columns.reading(zeta, at), "Power").replace(/\d+ items?$/, "N items"), "Power: +0.20, 95 % interval +0.10 to +0.30, N items");
  assert.match(inWords(rawOf(state.board, zeta, 0, at), "Power"), /^Power: mean rating 4.20 of 6, \d+ items?$/);
  const mini = state.board.byId.get("mini");
  assert.equal(columns.reading(mini, at), null);
  assert.equal(inWords(null, "Power"), "Power: no score");
});

test("an axis ends where the scale ends", () => {
  assert.deepEqual([-2, -1, 0, 0.5, 3].map((x) => place(x, "centred")), ["0.0%", "0.0%", "50.0%", "75.0%", "100.0%"]);
  assert.deepEqual([1, 3.5, 6].map((x) => place(x, "raw")), ["0.0%", "50.0%", "100.0%"]);
});

test("what has no rating is told by its kind", () => {
  assert.equal(coverageInWords({ rated: 3100, prompts: 3120, unscored: [["refusal", 15], ["new_kind", 5]] }), "3,100 of 3,120 answers have a rating; without a rating: 15 refused, 5 new_kind");
});

test("columns of people follow the reading, and say while the other one is being computed", () => {
  const sent = (value) => ({ why: [], like: { value: [value], low: [value], high: [value] }, leans: {}, nearest: [], share: [] });
  const change = (table) => { Object.assign(table.boards[0], { people: sent(1), match_people: sent(2) }); return table; };
  const value = (address) => { const { state, columns } = opened(address, change); return columns.all().find((c) => c.key === "like_raters").value(state.board.rows[0]); };
  assert.notEqual(value("?reading=all"), null);
  assert.equal(value("?reading=all"), 2 * value(""));
  const { state, columns } = opened("?reading=all", (table) => { Object.assign(table.boards[0], { people: sent(1), match_people: { pending: true } }); return table; });
  assert.match(columns.all().find((c) => c.key === "like_raters").say(state.board.rows[0]), /^Not available yet/);
});

test("places that come later are said to be on their way, and then shown", () => {
  const { state, columns, table } = opened("?show=ranks", (sent) => { sent.boards[0].ranking = { pending: true }; return sent; });
  const row = state.board.rows[0];
  assert.equal(columns.rankOf(row, "Power"), null);
  assert.equal(columns.whyNoRank(row), "Rank intervals are being computed.");
  const why = state.board.rows.map((r) => (r.i ? null : "It has too few answers."));
  const power = state.board.rows.map((r) => (r.i === 1 ? "1-3" : null));
  table.receive(state.board, { ranking: { n: 6, models: { Power: power }, values: {}, why }, people: null });
  assert.equal(columns.whyNoRank(row), "It has too few answers.");
  assert.equal(columns.rankOf(state.board.rows[1], "Power"), "1-3");
  assert.equal(columns.rankOf(state.board.rows[2], "Power"), "1-6", "any rank");
  assert.match(columns.ranksSummary(), /An order of some models is established on Power;/);
});
