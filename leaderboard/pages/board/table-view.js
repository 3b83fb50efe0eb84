/* The rows: a table, or cards where it is narrow. The first few dozen are drawn at once, the others as the reader comes
   near them, so that thousands cost no more than what is looked at. */

function boardTable(app) {
  "use strict";

  const { data, state, address, columns, pieces, view } = app;
  const { el, keepingFocus, whole, plural, halfWidth } = boardWords;
  const FIRST = 60;
  const CHUNK = 120;

  const list = el("div", { class: "vp-rows" });
  const more = el("button", { type: "button", class: "vp-more", onclick: () => grow() });
  const panel = el("aside", { class: "vp-panel", "aria-label": "Portrait" });
  const main = el("div", { class: "vp-main" }, el("div", { class: "vp-left" }, list, more), panel);

  let listed = { rows: [], entries: [], found: 0 };
  let shown = 0;
  let body = null;
  let built = new Map();
  let builtFor = "";

  // ---- heads ---------------------------------------------------------------------------------------------------

  function bands(columns_) {
    const named = (c) => (c.people ? "Among people" : state.scale === 0 && c.dimension ? c.dimension.family : null);
    const cells = [el("td", { class: "vp-name" })];
    let i = 1;
    while (i < columns_.length) {
      const column = columns_[i];
      const family = named(column);
      let span = 1;
      while (family && i + span < columns_.length && named(columns_[i + span]) === family) span += 1;
      cells.push(family
        ? el("th", { scope: "colgroup", colspan: span, class: "vp-band-head", title: column.people ? "Groups of people in Europe, and the benchmark’s own raters" : family },
          el("i", { style: { background: column.people ? "var(--vp-line)" : column.dimension.colour }, "aria-hidden": "true" }),
          el("span", { class: family === column.title && span === 1 ? "vp-unsaid" : null }, family))
        : el("td", { colspan: span }));
      i += span;
    }
    return el("tr", { class: "vp-bands" }, cells);
  }

  function heading(column) {
    const sorted = state.sort === column.key;
    const words = column.heading || [column.dimension ? column.dimension.heading : column.title];
    return el("th", { scope: "col", class: `vp-${column.kind}`, "data-column": column.key, "aria-sort": sorted ? (state.down ? "descending" : "ascending") : "none" },
      el("button", { type: "button", title: column.hint || "Sort by name", "data-focus": `head ${column.key}`, onclick: () => cycle(column) },
        words.map((word) => el("span", null, word)),
        el("i", { class: "vp-sortmark", "aria-hidden": "true" }, sorted ? (state.down ? "↓" : "↑") : "↕")));
  }

  /* First click: numbers and dates from the top, words from A. Second: the other way. Third: back to names. */
  function cycle(column) {
    const first = columns.descendsFirst(column);
    if (state.sort !== column.key) app.sortBy(column.key, first);
    else if (state.down === first) app.sortBy(column.key, !first);
    else app.sortBy(app.DEFAULT.sort, app.DEFAULT.down);
  }

  // ---- cells ---------------------------------------------------------------------------------------------------

  const interval = (x, raw) => (state.intervals && columns.hasInterval(x) ? [el("span", { class: "vp-pm" }, halfWidth(x.low, x.high)), pieces.whisker(x, { raw })] : null);

  function scoreCell(row, column) {
    const cell = columns.reading(row, column.index);
    const ranks = columns.ranksShown();
    const rank = ranks ? columns.rankOf(row, column.title) : null;
    const place = rank ? `, place ${rank} of ${columns.ranking().n}` : ranks ? `. ${columns.whyNoRank(row)}` : "";
    const words = columns.inWords(cell, column.title) + place;
    return el(
      "td", { class: "vp-score", "data-side": pieces.side(cell), style: pieces.tint(cell), title: words, "aria-label": words },
      el("span", { class: "vp-num" }, cell ? columns.number(cell.value) : "–"),
      cell ? interval(cell) : null,
      ranks ? el("span", { class: "vp-rank" }, rank || "–") : null,
    );
  }

  /* A number among people: a bar from 0 where it is a lean, and the interval over it. */
  function estimateCell(row, column) {
    const x = column.estimate(row);
    const words = column.say(row);
    if (!x) return el("td", { class: `vp-${column.kind}`, title: words, "aria-label": words }, el("span", { class: "vp-num" }, "–"));
    const place = (value) => columns.place(value, false);
    const bar = column.kind === "lean" ? el("i", { class: "vp-lean-bar", "aria-hidden": "true", style: { "--a": place(Math.min(0, x.value)), "--b": place(Math.max(0, x.value)) } }) : null;
    return el("td", { class: `vp-${column.kind}${column.sure && column.sure(row) ? " vp-sure" : ""}`, title: words, "aria-label": words },
      el("span", { class: "vp-num" }, boardWords.signed(x.value)), bar ? el("span", { class: "vp-lean-lane" }, bar, interval(x, false)) : interval(x, false));
  }

  function tableRow({ row, pinned, first }, columns_) {
    const cells = columns_.map((column) => {
      if (column.kind === "name") return el("th", { scope: "row", class: "vp-name" }, pieces.who(row));
      if (column.kind === "score") return scoreCell(row, column);
      if (column.estimate) return estimateCell(row, column);
      const under = state.intervals && column.under && column.under(row);
      const words = column.say(row);
      return el("td", { class: `vp-${column.kind}`, title: words, "aria-label": words }, el("span", null, column.text(row)), under ? el("span", { class: "vp-pm" }, under) : null);
    });
    const marks = `${row.muted ? " vp-grey" : ""}${pinned ? " vp-pinned" : ""}${first ? " vp-after-pins" : ""}`;
    return el("tr", { class: `vp-row${marks}`, "data-id": row.id }, cells);
  }

  function card({ row, pinned }) {
    const cells = columns.dimensions().map((_, i) => data.cellOf(state.board, row, state.scale, i));
    const place = (x) => columns.place(x, false);
    return el("li", { class: `vp-card${row.muted ? " vp-grey" : ""}${pinned ? " vp-pinned" : ""}`, "data-id": row.id },
      pieces.who(row),
      el("ul", { class: "vp-bars", style: { "--n": String(cells.length) } }, cells.map((cell, i) => {
        const d = columns.dimensions()[i];
        const told = state.intervals && cell && columns.hasInterval(cell);
        const words = columns.inWords(columns.reading(row, i), d.name);
        return el("li", { title: words },
          el("span", { class: "vp-hidden" }, words),
          el("span", { class: "vp-bar", "aria-hidden": "true", "data-side": pieces.side(cell), style: { ...pieces.tint(cell), "--c": d.colour, "--s": cell ? place(cell.score) : "50%", "--l": told ? place(cell.low) : "50%", "--h": told ? place(cell.high) : "50%" } }),
          el("span", { class: "vp-short", "aria-hidden": "true" }, d.short),
          state.raw ? el("span", { class: "vp-short", "aria-hidden": "true" }, cell ? columns.number(columns.reading(row, i).value) : "–") : null);
      })),
      columns.peopleShown() ? amongPeople(row) : null);
  }

  /* The columns of people as lines under a card. */
  function amongPeople(row) {
    const told = columns.shown().filter((column) => column.people);
    return el("dl", { class: "vp-card-people" }, told.map((column) => {
      const x = column.estimate ? column.estimate(row) : null;
      return el("div", { title: column.say(row) }, el("dt", null, column.title),
        el("dd", null, column.estimate ? (x ? [boardWords.signed(x.value), state.intervals ? ` (${boardWords.signed(x.low)} to ${boardWords.signed(x.high)})` : ""] : "–") : column.text(row)));
    }));
  }

  function headingRow({ heading: words, n }, span) {
    const inside = [el("span", null, words), el("span", { class: "vp-number" }, plural(n, "model", "models"))];
    return view.narrow.matches
      ? el("li", { class: "vp-group" }, el("h2", null, inside))
      : el("tr", { class: "vp-group" }, el("th", { colspan: span, scope: "colgroup" }, el("div", null, inside)));
  }

  // ---- rows ----------------------------------------------------------------------------------------------------

  function grow(many = CHUNK) {
    const columns_ = columns.shown();
    const next = listed.entries.slice(shown, shown + many);
    body.append(...next.map((entry) => {
      if (!entry.row) return headingRow(entry, columns_.length);
      const key = `${entry.row.id}${entry.pinned ? " pinned" : ""}${entry.first ? " first" : ""}`;
      if (!built.has(key)) built.set(key, view.narrow.matches ? card(entry) : tableRow(entry, columns_));
      return built.get(key);
    }));
    shown += next.length;
    const left = listed.entries.length - shown;
    more.hidden = left <= 0;
    more.textContent = `Show ${whole(Math.min(CHUNK, left))} more of ${whole(left)}`;
  }

  /* What decides how a row looks; where it changes, rows are drawn anew. */
  const look = (columns_) => [state.board && state.board.slug, state.scale, state.raw, state.intervals, view.narrow.matches, columns.ranksShown(), app.received, columns_.map((c) => c.key)].join();

  function widths(columns_) {
    const count = (kind) => columns_.filter((c) => c.kind === kind).length;
    const usual = { name: 184, score: state.scale === 0 ? 54 : 112, figure: 58, estimate: 58, lean: 74, nearest: 100, word: 78 };
    const small = { name: 162, score: state.scale === 0 ? 44 : 76, figure: 50, estimate: 50, lean: 62, nearest: 90, word: 74 };
    const total = (sizes) => Object.entries(sizes).reduce((sum, [kind, width]) => sum + width * count(kind), 0);
    const room = list.clientWidth || window.innerWidth;
    const tight = total(usual) > room;
    return { sizes: tight ? small : usual, needs: total(small), tight, over: total(small) > room };
  }

  function drawRows() {
    main.classList.toggle("vp-crowded", view.crowded());
    const columns_ = columns.shown();
    const now = look(columns_);
    if (now !== builtFor) { built = new Map(); builtFor = now; }
    listed = app.rows.listed();
    shown = 0;
    list.classList.remove("vp-over");
    if (!listed.entries.length) {
      more.hidden = true;
      list.replaceChildren(emptyState());
      return;
    }
    if (view.narrow.matches) {
      body = el("ul", { class: "vp-cards", "aria-label": "Models" });
      list.replaceChildren(body);
    } else {
      body = el("tbody");
      const { sizes, needs, tight, over } = widths(columns_);
      list.classList.toggle("vp-over", over);
      const banded = state.scale === 0 || columns.peopleShown();
      list.replaceChildren(el("table", { class: `vp-table${columns.ranksShown() ? " vp-placed" : ""}${state.intervals ? "" : " vp-plain"}${tight ? " vp-tight" : ""}`, style: over ? { width: `${needs}px` } : null },
        el("caption", { class: "vp-hidden" }, `${data.scales[state.scale].name} of ${plural(listed.rows.length, "model", "models")}. Every column heading sorts.`),
        el("colgroup", null, columns_.map((column) => el("col", { style: column.kind === "name" ? null : { width: `${sizes[column.kind]}px` } }))),
        el("thead", null, banded ? bands(columns_) : null, el("tr", { class: "vp-heads" }, columns_.map(heading))),
        body));
    }
    const chosen = listed.entries.findIndex((entry) => entry.row && entry.row.id === state.model);
    grow(FIRST);
    while (shown <= chosen) grow();
  }

  function emptyState() {
    const empty = (...children) => el("p", { class: "vp-empty" }, children);
    if (state.board && state.board.rows.length) {
      const words = state.search ? `No model here is called “${state.search}”${app.rows.chips().length ? " and passes the filters" : ""}. ` : "No model passes these filters. ";
      return empty(words, el("button", { type: "button", class: "vp-link", onclick: () => app.change(() => { state.search = ""; state.filters = address.noFilters(); }) }, "Show all"));
    }
    if (state.practice) return empty("No practice run yet. ", el("a", { href: "submit" }, "Send the small model that comes along through the practice benchmark"), " to see one.");
    return empty("No results yet. ", el("a", { href: "submit" }, "Submit a model"), " to see the first row.");
  }

  // ---- the opened row ------------------------------------------------------------------------------------------

  const rowById = (id) => (state.board ? state.board.byId.get(id) : undefined);

  function drawPanel(id) {
    const row = rowById(id || state.model);
    if (!state.board || !state.board.rows.length) panel.replaceChildren();
    else if (view.beside()) panel.replaceChildren(row ? app.detail.detail(row) : app.detail.overview());
  }

  function drawSelection() {
    for (const old of list.querySelectorAll(".vp-opened")) old.remove();
    for (const node of list.querySelectorAll("[data-id]")) {
      const chosen = node.dataset.id === state.model;
      node.classList.toggle("vp-chosen", chosen);
      node.querySelector(".vp-open").setAttribute("aria-expanded", String(chosen));
      if (!chosen || view.beside()) continue;
      const row = rowById(state.model);
      if (view.narrow.matches) node.append(el("div", { class: "vp-opened" }, app.detail.detail(row)));
      else node.after(el("tr", { class: "vp-opened" }, el("td", { colspan: columns.shown().length }, app.detail.detail(row))));
    }
    drawPanel();
  }

  const idOf = (event) => { const node = event.target.closest("[data-id]"); return node && list.contains(node) ? node.dataset.id : null; };

  list.addEventListener("click", (event) => {
    if (event.target.closest(".vp-opened, .vp-tools, a, button") || String(window.getSelection())) return;
    const id = idOf(event);
    if (id) app.choose(id);
  });
  let pointed = null;
  function point(id) {
    if (!view.beside() || id === pointed) return;
    pointed = id;
    drawPanel(id);
  }
  list.addEventListener("pointerover", (event) => point(idOf(event)));
  list.addEventListener("pointerleave", () => point(null));
  list.addEventListener("focusin", (event) => point(idOf(event)));

  new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && !more.hidden) grow();
  }, { rootMargin: "800px" }).observe(more);

  function draw() {
    pointed = null;
    keepingFocus(list, drawRows);
    drawSelection();
    return listed;
  }

  /* The tools of rows that are drawn, after one of them was used. */
  function renewTools() {
    keepingFocus(list, () => {
      for (const node of list.querySelectorAll("[data-id]")) node.querySelector(".vp-tools").replaceWith(pieces.tools(rowById(node.dataset.id)));
    });
    built = new Map([...built].filter(([, node]) => node.isConnected)); // those that are not drawn now still have the old ones
  }

  return { parts: [main], list, draw, drawSelection, renewTools };
}
