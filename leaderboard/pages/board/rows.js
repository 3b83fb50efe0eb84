/* Which rows are shown, in which order, under which headings. */

function boardRows(app) {
  "use strict";

  const { data, state } = app;
  const { whole } = boardWords;

  const VALUE = {
    developer: (row) => row.developer,
    family: (row) => row.family,
    origin: (row) => row.origin,
    weights: (row) => (row.open === true ? "open" : row.open === false ? "closed" : null),
    reliable: (row) => (row.flat === false ? "yes" : row.flat === true ? "flat" : null),
  };
  const NAMES = { developer: "Developer", family: "Family", origin: "Origin", weights: "Weights", reliable: "Profile", size: "Size", date: "Date" };
  const SAYS = { open: "open", closed: "closed", yes: "stands out", flat: "flat" };
  const UNKNOWN = { developer: "Developer not known", family: "Family not known" };

  /* Whether a row passes all filters, or all but one: a choice's count is of the rows it would give. */
  function passes(row, except) {
    const { filters } = state;
    for (const name of ["developer", "family", "origin"]) {
      if (name !== except && filters[name].size && !filters[name].has(row[name])) return false;
    }
    for (const name of ["weights", "reliable"]) {
      if (name !== except && filters[name] !== null && VALUE[name](row) !== filters[name]) return false;
    }
    if (except !== "size" && (filters.size_min !== null || filters.size_max !== null)) {
      if (row.size === null || row.size < (filters.size_min ?? 0) || row.size > (filters.size_max ?? Infinity)) return false;
    }
    return except === "date" || ((filters.since === null || row.date >= filters.since) && (filters.until === null || row.date <= filters.until));
  }

  const searched = () => state.search.toLowerCase().split(/\s+/).filter(Boolean);
  const isFound = (row, words) => words.every((word) => row.text.includes(word));

  /* The values of a filter with how many rows each would give, by name. */
  function counts(name) {
    const words = searched();
    const found = new Map();
    for (const row of state.board ? state.board.rows : []) {
      const value = VALUE[name](row);
      if (value === null) continue;
      const counted = passes(row, name) && isFound(row, words);
      found.set(value, (found.get(value) || 0) + Number(counted));
    }
    return [...found].sort(([a], [b]) => data.collator.compare(a, b));
  }

  function inOrder(rows) {
    const column = app.columns.all().find((c) => c.key === state.sort);
    const sign = state.down ? -1 : 1;
    if (column.key === "name") return rows.sort((a, b) => sign * (a.byName - b.byName));
    return rows
      .map((row) => [column.value(row) ?? null, row])
      .sort(([a, rowA], [b, rowB]) => {
        const missing = (a === null) - (b === null); // last in every order
        if (missing) return missing;
        const order = a === null ? 0 : typeof a === "number" ? a - b : data.collator.compare(a, b);
        return sign * order || rowA.byName - rowB.byName;
      })
      .map(([, row]) => row);
  }

  /* What the table holds from top to bottom: {rows, entries}; an entry is {row, pinned, first} or {heading, n}. */
  function listed() {
    if (!state.board) return { rows: [], entries: [], found: 0 };
    const words = searched();
    const pinned = new Set(state.pins);
    const rows = inOrder(state.board.rows.filter((row) => !pinned.has(row.id) && passes(row) && isFound(row, words)));
    const tops = inOrder(state.pins.map((id) => state.board.byId.get(id)));
    const entries = [];
    if (tops.length && state.group) entries.push({ heading: "Pinned", n: tops.length });
    entries.push(...tops.map((row) => ({ row, pinned: true })));
    if (!state.group) entries.push(...rows.map((row, i) => ({ row, first: i === 0 && tops.length > 0 })));
    else {
      const groups = new Map();
      for (const row of rows) {
        const name = VALUE[state.group](row) ?? UNKNOWN[state.group];
        if (groups.has(name)) groups.get(name).push(row);
        else groups.set(name, [row]);
      }
      const last = (name) => Number(name === UNKNOWN[state.group]);
      for (const name of [...groups.keys()].sort((a, b) => last(a) - last(b) || data.collator.compare(a, b))) {
        entries.push({ heading: name, n: groups.get(name).length }, ...groups.get(name).map((row) => ({ row })));
      }
    }
    return { rows: [...tops, ...rows], entries, found: rows.length };
  }

  /* The filters in use, each with the words of its chip and how it is taken away. */
  function chips() {
    const { filters } = state;
    const made = [];
    for (const name of ["developer", "family", "origin"]) {
      for (const value of filters[name]) made.push({ words: `${NAMES[name]}: ${value}`, remove: () => filters[name].delete(value) });
    }
    for (const name of ["weights", "reliable"]) {
      if (filters[name]) made.push({ words: `${NAMES[name]}: ${SAYS[filters[name]]}`, remove: () => { filters[name] = null; } });
    }
    const range = (name, from, to, words) => {
      if (filters[from] === null && filters[to] === null) return;
      const said = [filters[from] === null ? null : `from ${words(filters[from])}`, filters[to] === null ? null : `to ${words(filters[to])}`];
      made.push({ words: `${NAMES[name]}: ${said.filter(Boolean).join(" ")}`, remove: () => Object.assign(filters, { [from]: null, [to]: null }) });
    };
    range("size", "size_min", "size_max", (x) => `${whole(x)} B`);
    range("date", "since", "until", (x) => x);
    return made;
  }

  return { counts, listed, chips, NAMES, SAYS };
}
