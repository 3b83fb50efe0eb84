/* The board's data: the JSON text of `leaderboard.table` as boards of rows, and what a cell of them reads. */

function boardData(text) {
  "use strict";

  const { known } = boardWords;
  const data = JSON.parse(text);
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const NUMBERS = ["reliability", "wording", "order", "most_used_share", "agreeing", "refused", "circle", "circle_low", "circle_high"];

  function column(packed, n) {
    if (Array.isArray(packed)) return packed;
    return packed.at ? packed.at.map((i) => packed.of[i]) : new Array(n).fill(packed.all);
  }

  const number = (x) => (x === null ? null : x / data.unit);
  const numbers = (packed, n) => column(packed, n).map(number);

  function ranges(packed, n) {
    const [low, high] = [numbers(packed.low, n), numbers(packed.high, n)];
    return { low, high };
  }

  /* Rows as objects; made when a board is first shown. */
  function open(board) {
    if (Array.isArray(board.rows)) return board;
    const { n } = board;
    const columns = Object.entries(board.rows).map(([name, packed]) => [name, NUMBERS.includes(name) ? numbers(packed, n) : column(packed, n)]);
    board.rows = Array.from({ length: n }, (_, i) => {
      const row = { i };
      for (const [name, values] of columns) row[name] = values[i];
      row.text = `${row.model} ${row.developer || ""}`.toLowerCase();
      return row;
    });
    [...board.rows].sort((a, b) => collator.compare(a.model, b.model)).forEach((row, place) => { row.byName = place; });
    board.byId = new Map(board.rows.map((row) => [row.id, row]));
    board.scales = board.scales.map((scale) => ({
      mean: numbers(scale.mean, n), n: column(scale.n, n), ...ranges(scale, n),
      dimensions: scale.dimensions.map((d) => ({ score: numbers(d.score, n), n: column(d.n, n), ...ranges(d, n) })),
    }));
    board.raters = board.raters && board.raters.map(number);
    receive(board, board);
    return board;
  }

  /* Places and people, which may come after the table. */
  function receive(board, { ranking, people }) {
    const { n } = board;
    const words = (columns) => Object.fromEntries(Object.entries(columns).map(([name, packed]) => [name, column(packed, n)]));
    const estimate = (packed) => ({ value: numbers(packed.value, n), ...ranges(packed, n) });
    board.ranking = ranking && !ranking.pending
      ? { n: ranking.n, models: words(ranking.models), values: words(ranking.values), why: column(ranking.why, n) }
      : ranking;
    board.people = people && !people.pending
      ? {
        ...people,
        why: column(people.why, n),
        like: estimate(people.like),
        leans: Object.fromEntries(Object.entries(people.leans).map(([name, lean]) => [name, { ...estimate(lean), sure: column(lean.sure, n) }])),
        nearest: column(people.nearest, n),
        share: numbers(people.share, n),
      }
      : people;
  }

  /* A cell's numbers, null where there is no score. */
  function cellOf(board, row, scale, i) {
    const d = board.scales[scale].dimensions[i];
    const score = d.score[row.i];
    return score === null ? null : { score, low: d.low[row.i], high: d.high[row.i], n: d.n[row.i] };
  }

  function meanOf(board, row, scale) {
    const s = board.scales[scale];
    return { mean: s.mean[row.i], low: s.low[row.i], high: s.high[row.i], n: s.n[row.i] };
  }

  /* The same as a mean rating, 1 to 6. Its interval adds up those of score and own average: at least 95 %. */
  function rawOf(board, row, scale, i) {
    const cell = cellOf(board, row, scale, i);
    const own = meanOf(board, row, scale);
    if (!cell || own.mean === null) return null;
    const told = known(cell.low) && known(own.low);
    return { ...cell, raw: own.mean + cell.score, low: told ? own.low + cell.low : null, high: told ? own.high + cell.high : null };
  }

  /* An estimate among people of a row as {value, low, high}, null where it is withheld. */
  function peopleOf(board, row, packed) {
    const value = packed ? packed.value[row.i] : null;
    return known(value) ? { value, low: packed.low[row.i], high: packed.high[row.i] } : null;
  }

  return { ...data, open, receive, cellOf, meanOf, rawOf, peopleOf, collator };
}
