import assert from "node:assert/strict";
import { test } from "node:test";
import { holm, match, nearest, random, score } from "../../leaderboard/pages/take/short-form.js";

const close = (found, expected) => assert.ok(found.length === expected.length && found.every((x, i) => Math.abs(x - expected[i]) < 1e-12), `${found} is not ${expected}`);

test("scores are means of a value's items less the mean of all", () => {
  const items = Array.from({ length: 20 }, (_, i) => ({ query_id: i, values: [i % 10] }));
  const ratings = items.map((_, i) => 1 + (i % 6));
  const all = ratings.reduce((a, b) => a + b) / 20;
  const { scores, half } = score(items, ratings, Array(20).fill(2));
  close(scores, Array.from({ length: 10 }, (_, v) => (ratings[v] + ratings[v + 10]) / 2 - all));
  assert.ok(half.every((h) => h > 0));
});

test("with one item a value no interval is known, and a value without items has no score", () => {
  const items = Array.from({ length: 9 }, (_, i) => ({ query_id: i, values: [i] }));
  const { scores, half, reliability } = score(items, [1, 2, 3, 4, 5, 6, 1, 2, 3], [2]);
  assert.equal(scores[9], null);
  assert.deepEqual([half, reliability], [Array(10).fill(null), null]);
});

test("a match is a correlation with the loadings; without variation there is none, and without queries no interval", () => {
  const items = Array.from({ length: 6 }, (_, i) => ({ query_id: i, loadings: Array.from({ length: 10 }, (_, v) => Math.sin(i * 1.7 + v)) }));
  const like = items.map((item) => 3 + item.loadings[4]);
  const found = match(items, like, [items.map((item) => item.loadings), items.map((item) => item.loadings.map((a, v) => a + 0.1 * Math.cos(v * 3)))], [12.7, 4.3, 3.2, 2.8, 2.6]);
  assert.ok(Math.abs(found.scores[4] - 1) < 1e-12);
  assert.ok(found.half[4] < 1e-6, "nothing left out changes it");
  assert.ok(found.half[3] > 0.01);
  assert.deepEqual(match(items, items.map(() => 4), [], [1]).scores, Array(10).fill(null));
  const together = items.map((item, i) => ({ ...item, query_id: i % 2 }));
  assert.deepEqual(match(together, like, [], [1]).half, Array(10).fill(null));
});

test("Holm's correction never falls with the p-value and ends at 1", () => {
  close(holm([0.2, 0.001, 0.04, 0.03, 0.9]), [0.4, 0.005, 0.12, 0.12, 0.9]);
  close(holm([0.6, 0.7]), [1, 1]);
});

test("only a model that is surely nearer is named", () => {
  // 60 clean items; the visitor is one model to within a little, the others are far or equally near
  const items = Array.from({ length: 60 }, (_, i) => ({ query_id: i, values: [i % 10] }));
  const next = random(5);
  const noisy = (shape, by) => items.map((_, i) => 3.5 + shape(i % 10) + by * (next() - 0.5));
  const wave = (at) => (v) => 1.5 * Math.cos((2 * Math.PI * (v - at)) / 10);
  const options = { seed: 1, draws: 2000, alpha: 0.05 };
  const me = noisy(wave(0), 1);
  const far = [3, 4, 5, 6].map((at) => ({ name: `far ${at}`, ratings: noisy(wave(at), 1) }));
  const near = { name: "near", ratings: noisy(wave(0), 1) };
  const twin = { name: "twin", ratings: noisy(wave(0), 1) };
  const flat = Array.from({ length: 8 }, (_, k) => ({ name: `alike ${k}`, ratings: noisy(() => 0, 2) }));
  const names = (others) => nearest(items, me, others, options).map((m) => others[m].name);
  assert.deepEqual(names([...far, near]), ["near"]);
  assert.deepEqual(names([...far, near]), ["near"], "the same every time");
  assert.deepEqual(names([...far, near, twin]).sort(), ["near", "twin"]);
  assert.ok(names(flat).length >= 6);
  assert.equal(names(Array(60).fill(near)).length, 60, "so many that no number of draws here could tell");
});
