/* Scoring a short form: pure functions, the same as `leaderboard/measurement/short_form.py`. */

/** @typedef {{query_id: number, values: number[]}} Item `values`: what it counts for, as positions in circle order. */
/** @typedef {{scores: (number | null)[], half: (number | null)[], reliability: number | null}} Scored By value; half widths of 95 % intervals. */
/** @typedef {{seed: number, draws: number, alpha: number}} Options */

const VALUES = 10;
const sum = (/** @type {number[]} */ xs) => xs.reduce((a, b) => a + b, 0);
const mean = (/** @type {number[]} */ xs) => sum(xs) / xs.length;

/** What each answered item adds to each score: items x 10. @param {Item[]} items */
function weightsOf(items) {
  const n = /** @type {number[]} */ (Array(VALUES).fill(0));
  for (const item of items) for (const v of item.values) n[v] += 1;
  const weights = items.map((item) => n.map((count, v) => (count ? (item.values.includes(v) ? 1 / count : 0) - 1 / items.length : NaN)));
  return { n, weights };
}

/** Ratings less the mean of the means of their values. @param {Item[]} items @param {number[]} ratings @param {number[]} n */
function residualsOf(items, ratings, n) {
  const means = n.map((count, v) => (count ? sum(ratings.filter((_, i) => items[i].values.includes(v))) / count : NaN));
  return ratings.map((x, i) => x - mean(items[i].values.map((v) => means[v])));
}

/**
 * Score answers to items. Half widths are null where they cannot be known yet.
 * @param {Item[]} items
 * @param {number[]} ratings
 * @param {number[]} t 97.5 % quantiles of Student's t for 1, 2, ... degrees of freedom.
 * @returns {Scored}
 */
export function score(items, ratings, t) {
  const { n, weights } = weightsOf(items);
  const scores = n.map((count, v) => (count ? sum(ratings.map((x, i) => x * weights[i][v])) : null));
  const freedom = items.length - n.filter(Boolean).length;
  if (freedom < 1) return { scores, half: n.map(() => null), reliability: null };
  const variance = sum(residualsOf(items, ratings, n).map((e) => e * e)) / freedom;
  /** @type {Map<number, number[]>} */
  const queries = new Map();
  for (const [i, { query_id }] of items.entries()) queries.set(query_id, [...(queries.get(query_id) ?? []), i]);
  const se = n.map((count, v) => {
    if (!count) return null;
    const apart = sum(weights.map((w) => w[v] * w[v]));
    const together = sum([...queries.values()].map((rows) => sum(rows.map((i) => weights[i][v])) ** 2));
    return Math.sqrt(variance * Math.max(apart, together));
  });
  const centre = mean(scores.map((s) => s ?? 0));
  const spread = mean(scores.map((s) => ((s ?? 0) - centre) ** 2));
  const whole = n.every(Boolean) && spread > 1e-18;
  return {
    scores,
    half: se.map((s) => (s === null ? null : s * t[freedom - 1])),
    reliability: whole ? 1 - mean(se.map((s) => (s ?? 0) ** 2)) / spread : null,
  };
}

/** Pearson's correlation; null where either does not vary. @param {number[]} x @param {number[]} y */
function pearson(x, y) {
  const [mx, my] = [mean(x), mean(y)];
  const over = sum(x.map((a) => (a - mx) ** 2)) * sum(y.map((b) => (b - my) ** 2));
  return over > 1e-18 ? sum(x.map((a, i) => (a - mx) * (y[i] - my))) / Math.sqrt(over) : null;
}

/**
 * Match answers with the templates of their items. Half widths are null where they cannot be known.
 * @param {{query_id: number, loadings: number[]}[]} items
 * @param {number[]} ratings
 * @param {number[][][]} resampled Loadings by resampled people: sets x items x 10.
 * @param {number[]} t 97.5 % quantiles of Student's t for 1, 2, ... degrees of freedom.
 * @returns {Scored}
 */
export function match(items, ratings, resampled, t) {
  const spokes = Array.from({ length: VALUES }, (_, v) => v);
  const column = (/** @type {number[][]} */ loadings, /** @type {number} */ v) => loadings.map((row) => row[v]);
  const own = items.map((item) => item.loadings);
  const scores = spokes.map((v) => pearson(ratings, column(own, v)));
  const queries = [...new Set(items.map((item) => item.query_id))];
  const none = { scores, half: spokes.map(() => null), reliability: null };
  if (queries.length < 3 || scores.includes(null)) return none;
  const kept = queries.map((q) => items.map((_, i) => i).filter((i) => items[i].query_id !== q));
  const se = spokes.map((v) => {
    const left = kept.map((rows) => pearson(rows.map((i) => ratings[i]), rows.map((i) => own[i][v])));
    const others = resampled.map((loadings) => pearson(ratings, column(loadings, v)));
    if (left.includes(null) || others.includes(null)) return null;
    const spread = (/** @type {(number | null)[]} */ xs) => { const all = xs.map((x) => x ?? 0); const m = mean(all); return sum(all.map((x) => (x - m) ** 2)); };
    return Math.sqrt(((queries.length - 1) / queries.length) * spread(left) + spread(others) / (others.length - 1));
  });
  if (se.includes(null)) return none;
  const centre = mean(scores.map((s) => s ?? 0));
  const spread = mean(scores.map((s) => ((s ?? 0) - centre) ** 2));
  return {
    scores,
    half: se.map((s) => (s ?? 0) * t[queries.length - 2]),
    reliability: spread > 1e-18 ? 1 - mean(se.map((s) => (s ?? 0) ** 2)) / spread : null,
  };
}

/** Small seeded generator (mulberry32), numbers from 0 up to 1. @param {number} seed */
export function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let x = Math.imul(a ^ (a >>> 15), a | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  };
}

/** Holm's adjusted p-values. @param {number[]} p */
export function holm(p) {
  const order = p.map((_, i) => i).sort((a, b) => p[a] - p[b]);
  const adjusted = Array(p.length);
  let running = 0;
  order.forEach((i, k) => {
    running = Math.max(running, Math.min(1, p[i] * (p.length - k)));
    adjusted[i] = running;
  });
  return adjusted;
}

/**
 * Which respondents may be nearest.
 * @param {Item[]} items
 * @param {number[]} ratings
 * @param {{name: string, ratings: number[]}[]} others With a rating of each item.
 * @param {Options} options
 * @returns {number[]} Their positions, the nearest first; all of them where nothing can be told.
 */
export function nearest(items, ratings, others, { seed, draws, alpha }) {
  const all = others.map((_, m) => m);
  const { n, weights } = weightsOf(items);
  const freedom = items.length - n.filter(Boolean).length;
  // even a model that is farther in every draw could not be told from the nearest among so many
  if (!n.every(Boolean) || freedom < 1 || (2 / (draws + 1)) * (others.length - 1) > alpha) return all;
  const blow = Math.sqrt(items.length / freedom);
  const gaps = others.map((other) => {
    const gap = ratings.map((x, i) => x - other.ratings[i]);
    const scores = n.map((_, v) => sum(gap.map((g, i) => g * weights[i][v])));
    return { scores, residuals: residualsOf(items, gap, n).map((e) => e * blow) };
  });
  const squared = gaps.map(({ scores }) => sum(scores.map((s) => s * s)));
  const drawn = gaps.map(() => new Float64Array(draws));
  const next = random(seed);
  const pulled = items.map(() => new Float64Array(VALUES));
  for (let b = 0; b < draws; b += 1) {
    for (const row of pulled) row.fill(0);
    for (let i = 0; i < items.length; i += 1) {
      const row = pulled[Math.floor(next() * items.length)];
      for (let v = 0; v < VALUES; v += 1) row[v] += weights[i][v];
    }
    gaps.forEach(({ scores, residuals }, m) => {
      let total = 0;
      for (let v = 0; v < VALUES; v += 1) {
        let d = scores[v];
        for (let i = 0; i < items.length; i += 1) d += pulled[i][v] * residuals[i];
        total += d * d;
      }
      drawn[m][b] = total;
    });
  }
  const noise = drawn.map((d, m) => mean([...d]) - squared[m]);
  const clean = squared.map((s, m) => s - noise[m]);
  const best = all.reduce((a, m) => (clean[m] < clean[a] ? m : a), 0);
  const rest = all.filter((m) => m !== best);
  const p = rest.map((m) => {
    let nearer = 0;
    for (let b = 0; b < draws; b += 1) {
      if (drawn[m][b] - drawn[best][b] - 2 * (noise[m] - noise[best]) <= 0) nearer += 1;
    }
    return Math.min(1, (2 * (nearer + 1)) / (draws + 1));
  });
  const adjusted = holm(p);
  const close = rest.filter((_, k) => adjusted[k] > alpha);
  return [best, ...close.sort((a, b) => clean[a] - clean[b])];
}
