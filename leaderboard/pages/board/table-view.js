/* The rows: a table, or cards where it is narrow. The first few dozen are drawn at once, the others as the reader comes
   near them, so that thousands cost no more than what is looked at. */

import { el, keepingFocus, targetOf } from "../../web/static/elements.js";
import { figure, halfWidth, plural, signed, whole } from "../../web/static/numbers.js";
import { DEFAULT, noFilters } from "./address.js";
import { side, tint, valuePage, whisker } from "./cells.js";
import { descendsFirst, hasInterval, inWords, place } from "./columns.js";
import { chips, listed, problems } from "./rows.js";
import { cellOf } from "./table.js";

/** @import { termsOf } from "../../web/static/terms.js" */
/** @import { Board, Maybe, Row, Table } from "./table.js" */
/** @import { State } from "./address.js" */
/** @import { Actions } from "./board.js" */
/** @import { Cells } from "./cells.js" */
/** @import { Column, Columns, Media } from "./columns.js" */
/** @import { boardDetail } from "./detail.js" */
/** @import { Entry, Listed } from "./rows.js" */
/** @typedef {Extract<Entry, {row: Row}>} RowEntry */
/** @typedef {Extract<Entry, {heading: string}>} HeadingEntry */

const FIRST = 40;
const CHUNK = 120;

/**
 * @param {Table} table
 * @param {State} state
 * @param {Media} media
 * @param {Columns} columns
 * @param {Cells} cells
 * @param {ReturnType<typeof boardDetail>} detail
 * @param {Actions} act
 * @param {ReturnType<typeof termsOf>} terms
 */
export function tableView(table, state, media, columns, cells, detail, act, terms) {
  const board = () => /** @type {Board} */ (state.board); // there are no rows without one

  const list = el("div", { class: "vp-rows" });
  const more = el("button", { type: "button", class: "vp-more", onclick: () => grow() });
  const panel = el("aside", { class: "vp-panel", "aria-label": "Portrait" });
  const main = el("div", { class: "vp-main" }, el("div", { class: "vp-left" }, list, more), panel);

  /** @type {Listed} */
  let now = { rows: [], entries: [], found: 0 };
  let shown = 0;
  let body = /** @type {HTMLElement} */ (el("div"));
  /** @type {Map<string, Element>} */
  let built = new Map();
  let builtFor = "";

  // ---- heads ---------------------------------------------------------------------------------------------------

  /** @param {Column[]} columns_ */
  function bands(columns_) {
    const named = (/** @type {Column} */ c) => (c.people ? "Compared with people" : state.scale === 0 && c.dimension ? c.dimension.family : null);
    /** @type {HTMLElement[]} */
    const heads = [el("td", { class: "vp-name" })];
    let i = 1;
    while (i < columns_.length) {
      const column = columns_[i];
      const family = named(column);
      let span = 1;
      while (family && i + span < columns_.length && named(columns_[i + span]) === family) span += 1;
      heads.push(family
        ? el("th", { scope: "colgroup", colspan: span, class: "vp-band-head", title: column.people ? "Groups of people in Europe, and the benchmark’s own raters" : family },
          el("i", { style: { background: column.dimension?.colour ?? "var(--vp-line)" }, "aria-hidden": "true" }),
          el("span", { class: family === column.title && span === 1 ? "vp-unsaid" : null }, family))
        : el("td", { colspan: span }));
      i += span;
    }
    return el("tr", { class: "vp-bands" }, heads);
  }

  /** @param {Column} column */
  function heading(column) {
    const sorted = state.sort === column.key;
    const words = column.heading || [column.dimension ? column.dimension.heading : column.title];
    return el("th", { scope: "col", class: `vp-${column.kind}`, "data-column": column.key, "aria-sort": sorted ? (state.down ? "descending" : "ascending") : "none" },
      el("button", { type: "button", title: column.hint || "Sort by name", "aria-description": columns.carries(column)?.words ?? null, "data-focus": `head ${column.key}`, onclick: () => cycle(column) },
        words.map((word) => el("span", null, word)),
        el("i", { class: "vp-sortmark", "aria-hidden": "true" }, sorted ? (state.down ? "↓" : "↑") : "↕")),
      // by keyboard one goes from heading to heading; the same links stand in the side panel
      el("div", { class: "vp-under" }, column.dimension ? el("a", { class: "vp-about", tabindex: "-1", href: valuePage(column.dimension.name), title: `What ${column.dimension.name} is`, "aria-label": `What ${column.dimension.name} is` }, "?") : column.term ? el("span", { class: "vp-about" }, terms.opener(column.title, column.term, "?")) : null, carries(column)));
  }

  /** How far the column tells models apart, with what it means on demand. @param {Column} column */
  function carries(column) {
    const found = columns.carries(column);
    return found && el("span", { class: `vp-carries${found.weak ? " vp-weak" : ""}`, tabindex: "-1", role: "note", "aria-label": found.words, "data-hint": found.words }, figure(found.queries), found.weak ? el("b", null, "†") : null, found.interval ? el("small", null, found.interval.replace(" to ", " to\n")) : null);
  }

  /** First click: numbers and dates from the top, words from A. Second: the other way. Third: back to names. @param {Column} column */
  function cycle(column) {
    const first = descendsFirst(column);
    if (state.sort !== column.key) act.sortBy(column.key, first);
    else if (state.down === first) act.sortBy(column.key, !first);
    else act.sortBy(DEFAULT.sort, DEFAULT.down);
  }

  // ---- cells ---------------------------------------------------------------------------------------------------

  /** @param {{value: number, low: Maybe, high: Maybe}} x @param {import("./columns.js").Axis} axis */
  const interval = (x, axis) => (state.intervals && hasInterval(x) ? [el("span", { class: "vp-pm" }, halfWidth(x.low, x.high)), whisker(x, { axis })] : null);

  /** @param {Row} row @param {Column} column */
  function scoreCell(row, column) {
    const cell = columns.reading(row, column.index ?? 0);
    const ranks = columns.ranksShown();
    const rank = ranks ? columns.rankOf(row, column.title) : null;
    const among = rank ? `, rank ${rank} of ${columns.ranking()?.n}` : ranks ? `. ${columns.whyNoRank(row)}` : "";
    const words = (cell || !columns.matched() ? inWords(cell, column.title) : `${column.title}: ${board().match?.why?.[row.i] ?? "no match"}`) + among;
    return el(
      "td", { class: "vp-score", "data-side": side(cell), style: tint(cell), title: words, "aria-label": words },
      el("span", { class: "vp-num" }, cell ? columns.number(cell.value) : "–"),
      cell ? interval(cell, columns.axis()) : null,
      ranks ? el("span", { class: "vp-rank" }, rank || "–") : null,
    );
  }

  /** A number among people: a bar from 0 where it is a lean, and the interval over it. @param {Row} row @param {Column} column */
  function estimateCell(row, column) {
    const x = column.estimate?.(row);
    const words = column.say?.(row);
    if (!x) return el("td", { class: `vp-${column.kind}`, title: words, "aria-label": words }, el("span", { class: "vp-num" }, "–"));
    const bar = column.kind === "lean" ? el("i", { class: "vp-lean-bar", "aria-hidden": "true", style: { "--a": place(Math.min(0, x.value), "centred"), "--b": place(Math.max(0, x.value), "centred") } }) : null;
    return el("td", { class: `vp-${column.kind}${column.sure?.(row) ? " vp-sure" : ""}`, title: words, "aria-label": words },
      el("span", { class: "vp-num" }, signed(x.value)), bar ? el("span", { class: "vp-lean-lane" }, bar, interval(x, "centred")) : interval(x, "centred"));
  }

  /** @param {RowEntry} entry @param {Column[]} columns_ */
  function tableRow({ row, pinned, first }, columns_) {
    const tds = columns_.map((column) => {
      if (column.kind === "name") return el("th", { scope: "row", class: "vp-name" }, cells.who(row));
      if (column.kind === "score") return scoreCell(row, column);
      if (column.estimate) return estimateCell(row, column);
      const under = state.intervals ? column.under?.(row) : null;
      const words = column.say?.(row);
      return el("td", { class: `vp-${column.kind}`, title: words, "aria-label": words }, el("span", null, column.text?.(row)), under ? el("span", { class: "vp-pm" }, under) : null);
    });
    const marks = `${row.muted ? " vp-grey" : ""}${pinned ? " vp-pinned" : ""}${first ? " vp-after-pins" : ""}`;
    return el("tr", { class: `vp-row${marks}`, "data-id": row.id }, tds);
  }

  /** @param {RowEntry} entry */
  function card({ row, pinned }) {
    const dimensions = columns.dimensions();
    const scores = dimensions.map((_, i) => cellOf(board(), row, state.scale, i, state.reading));
    return el("li", { class: `vp-card${row.muted ? " vp-grey" : ""}${pinned ? " vp-pinned" : ""}`, "data-id": row.id },
      cells.who(row),
      el("ul", { class: "vp-bars", style: { "--n": String(scores.length) } }, scores.map((cell, i) => {
        const d = dimensions[i];
        const shown = columns.reading(row, i);
        const words = inWords(shown, d.name);
        const at = (/** @type {Maybe | undefined} */ x) => place(x ?? 0, columns.matched() ? "match" : "centred");
        const told = state.intervals && cell && hasInterval(cell) ? cell : null;
        return el("li", { title: words },
          el("span", { class: "vp-hidden" }, words),
          el("span", { class: "vp-bar", "aria-hidden": "true", "data-side": side(cell), style: { ...tint(cell), "--c": d.colour, "--s": at(cell?.score), "--l": at(told?.low), "--h": at(told?.high) } }),
          el("span", { class: "vp-short", "aria-hidden": "true" }, d.short),
          columns.axis() === "raw" ? el("span", { class: "vp-short", "aria-hidden": "true" }, shown ? columns.number(shown.value) : "–") : null);
      })),
      columns.peopleShown() ? amongPeople(row) : null);
  }

  /** The columns of people as lines under a card. @param {Row} row */
  function amongPeople(row) {
    const told = columns.shown().filter((column) => column.people);
    return el("dl", { class: "vp-card-people" }, told.map((column) => {
      const x = column.estimate ? column.estimate(row) : null;
      return el("div", { title: column.say?.(row) }, el("dt", null, column.title),
        el("dd", null, column.estimate ? (x ? [signed(x.value), state.intervals ? ` (${signed(x.low)} to ${signed(x.high)})` : ""] : "–") : column.text?.(row)));
    }));
  }

  /** @param {HeadingEntry} entry @param {number} span */
  function headingRow({ heading: words, n }, span) {
    const inside = [el("span", null, words), el("span", { class: "vp-number" }, plural(n, "model", "models"))];
    return media.narrow.matches
      ? el("li", { class: "vp-group" }, el("h2", null, inside))
      : el("tr", { class: "vp-group" }, el("th", { colspan: span, scope: "colgroup" }, el("div", null, inside)));
  }

  // ---- rows ----------------------------------------------------------------------------------------------------

  function grow(many = CHUNK) {
    const columns_ = columns.shown();
    let end = shown;
    for (let rows = 0; rows < many && end < now.entries.length; end += 1) rows += now.entries[end].row ? 1 : 0; // headings beside them
    const next = now.entries.slice(shown, end);
    body.append(...next.map((entry) => {
      if (!entry.row) return headingRow(entry, columns_.length);
      const key = `${entry.row.id}${entry.pinned ? " pinned" : ""}${entry.first ? " first" : ""}`;
      const line = built.get(key) ?? (media.narrow.matches ? card(entry) : tableRow(entry, columns_));
      built.set(key, line);
      return line;
    }));
    shown += next.length;
    const left = now.entries.length - shown;
    more.hidden = left <= 0;
    more.textContent = `Show ${whole(Math.min(CHUNK, left))} more of ${whole(left)}`;
  }

  /** What decides how a row looks; where it changes, rows are drawn anew. @param {Column[]} columns_ */
  const look = (columns_) => [state.board?.slug, state.scale, columns.axis(), state.intervals, media.narrow.matches, columns.ranksShown(), state.received, columns_.map((c) => c.key)].join();

  /** @param {Column[]} columns_ */
  function widths(columns_) {
    const count = (/** @type {string} */ kind) => columns_.filter((c) => c.kind === kind).length;
    const usual = { name: 184, score: state.scale === 0 ? 54 : 112, figure: 58, estimate: 58, lean: 74, above: 62, nearest: 100, word: 78 };
    const small = { name: 162, score: state.scale === 0 ? 44 : 76, figure: 50, estimate: 50, lean: 62, above: 54, nearest: 90, word: 74 };
    const total = (/** @type {Record<string, number>} */ sizes) => Object.entries(sizes).reduce((sum, [kind, width]) => sum + width * count(kind), 0);
    const room = list.clientWidth || window.innerWidth;
    const tight = total(usual) > room;
    return { sizes: tight ? small : usual, needs: total(small), tight, over: total(small) > room };
  }

  function drawRows() {
    main.classList.toggle("vp-crowded", columns.crowded());
    const columns_ = columns.shown();
    const looks = look(columns_);
    if (looks !== builtFor) { built = new Map(); builtFor = looks; }
    now = listed(state, columns.sorting(), table.collator);
    shown = 0;
    list.classList.remove("vp-over");
    if (!now.entries.length) {
      more.hidden = true;
      list.replaceChildren(emptyState());
      return;
    }
    if (media.narrow.matches) {
      body = el("ul", { class: "vp-cards", "aria-label": "Models" });
      list.replaceChildren(body);
    } else {
      body = el("tbody");
      const { sizes, needs, tight, over } = widths(columns_);
      list.classList.toggle("vp-over", over);
      const banded = state.scale === 0 || columns.peopleShown();
      list.replaceChildren(el("table", { class: `vp-table${columns.ranksShown() ? " vp-placed" : ""}${state.intervals ? "" : " vp-plain"}${tight ? " vp-tight" : ""}`, style: over ? { width: `${needs}px` } : null },
        el("caption", { class: "vp-hidden" }, `${table.scales[state.scale].name} of ${plural(now.rows.length, "model", "models")}. Every column heading sorts.`),
        el("colgroup", null, columns_.map((column) => el("col", { style: column.kind === "name" ? null : { width: `${sizes[column.kind]}px` } }))),
        el("thead", null, banded ? bands(columns_) : null, el("tr", { class: "vp-heads" }, columns_.map(heading))),
        body));
    }
    const chosen = now.entries.findIndex((entry) => entry.row && entry.row.id === state.model);
    grow(FIRST);
    while (shown <= chosen) grow();
  }

  function emptyState() {
    const empty = (/** @type {import("../../web/static/elements.js").Child[]} */ ...children) => el("p", { class: "vp-empty" }, children);
    if (state.board?.rows.length) {
      const words = state.search ? `No model matches “${state.search}”${chips(state.filters).length ? " and the filters" : ""}. ` : "No model matches these filters. ";
      return empty(...problems(state).map((said) => `${said} `), words, el("button", { type: "button", class: "vp-link", onclick: () => act.change(() => { state.search = ""; state.filters = noFilters(); }) }, "Show all"));
    }
    if (state.lost) return empty(`There is no table called “${state.lost}” here. `, el("a", { href: "./" }, "Open the default table"));
    if (state.practice) return empty("No practice run yet. ", el("a", { href: "submit" }, "Run the bundled small model on the practice benchmark"), " to see one.");
    return empty("No results yet. ", el("a", { href: "submit" }, "Submit a model"), " to see the first row.");
  }

  // ---- the opened row ------------------------------------------------------------------------------------------

  /** @param {string | null | undefined} id */
  const rowById = (id) => state.board?.byId.get(id ?? "");

  /** @param {string | null} [id] */
  function drawPanel(id) {
    const row = rowById(id || state.model);
    if (!state.board?.rows.length) panel.replaceChildren();
    else if (columns.besidePanel()) panel.replaceChildren(row ? detail.detail(row) : detail.overview());
  }

  /** @returns {NodeListOf<HTMLElement>} The lines of rows that are drawn. */
  const drawn = () => list.querySelectorAll("[data-id]");

  function drawSelection() {
    for (const old of list.querySelectorAll(".vp-opened")) old.remove();
    for (const node of drawn()) {
      const chosen = node.dataset.id === state.model;
      node.classList.toggle("vp-chosen", chosen);
      node.querySelector(".vp-open")?.setAttribute("aria-expanded", String(chosen));
      const row = rowById(node.dataset.id);
      if (!chosen || !row || columns.besidePanel()) continue;
      if (media.narrow.matches) node.append(el("div", { class: "vp-opened" }, detail.detail(row)));
      else node.after(el("tr", { class: "vp-opened" }, el("td", { colspan: columns.shown().length }, detail.detail(row))));
    }
    drawPanel();
  }

  /** @param {Event} event */
  function idOf(event) {
    const node = /** @type {HTMLElement | null} */ (targetOf(event).closest("[data-id]"));
    return node && list.contains(node) ? node.dataset.id ?? null : null;
  }

  list.addEventListener("click", (event) => {
    if (targetOf(event).closest(".vp-opened, .vp-tools, a, button") || String(window.getSelection())) return;
    const id = idOf(event);
    if (id) act.choose(id);
  });
  /* Arrows move through the table: up and down from row to row on the same control, left and right within a row. */
  list.addEventListener("keydown", (event) => {
    const from = targetOf(event);
    const line = /** @type {HTMLElement | null} */ (from.closest(".vp-heads, [data-id]"));
    if (!line || from.closest(".vp-opened") || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const controlsOf = (/** @type {Element | undefined} */ of) => (of ? /** @type {HTMLElement[]} */ ([...of.querySelectorAll("[data-focus]")].filter((node) => !node.closest(".vp-opened") && !node.matches(":disabled"))) : []);
    const within = controlsOf(line);
    const at = within.indexOf(from);
    const lines = [...list.querySelectorAll(".vp-heads"), ...drawn()];
    const here = lines.indexOf(line);
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    /** @type {HTMLElement | undefined} */
    let to;
    if (step) {
      if (step > 0 && here === lines.length - 1 && !more.hidden) { grow(); lines.push(...[...drawn()].slice(here + (lines[0] === drawn()[0] ? 1 : 0))); }
      const there = controlsOf(lines[here + step]);
      const kind = (/** @type {HTMLElement} */ node) => node.dataset.focus?.split(" ")[0];
      to = there.find((node) => kind(node) === kind(from)) ?? there.find((node) => kind(node) === "name") ?? there[0];
    } else if (event.key === "ArrowLeft") to = within[at - 1];
    else if (event.key === "ArrowRight") to = within[at + 1];
    else if (event.key === "Home") to = controlsOf(drawn()[0])[Math.max(0, line.matches(".vp-heads") ? 0 : at)];
    else if (event.key === "End") to = controlsOf([...drawn()].at(-1))[Math.max(0, line.matches(".vp-heads") ? 0 : at)];
    else return;
    event.preventDefault();
    to?.focus();
  });
  /** @type {string | null} */
  let pointed = null;
  /** @param {string | null} id */
  function point(id) {
    if (!columns.besidePanel() || id === pointed) return;
    pointed = id;
    drawPanel(id);
  }
  list.addEventListener("pointerover", (event) => point(idOf(event)));
  list.addEventListener("pointerleave", () => point(null));
  list.addEventListener("focusin", (event) => point(idOf(event)));

  new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && !more.hidden) grow();
  }, { rootMargin: "800px" }).observe(more);
  window.addEventListener("beforeprint", () => { while (!more.hidden) grow(); }); // paper is not scrolled

  function draw() {
    pointed = null;
    keepingFocus(list, drawRows);
    drawSelection();
    return now;
  }

  /* The tools of rows that are drawn, after one of them was used. */
  function renewTools() {
    keepingFocus(list, () => {
      for (const node of drawn()) {
        const row = rowById(node.dataset.id);
        if (row) node.querySelector(".vp-tools")?.replaceWith(cells.tools(row));
      }
    });
    built = new Map([...built].filter(([, node]) => node.isConnected)); // those that are not drawn now still have the old ones
  }

  return { parts: [main], list, draw, drawSelection, renewTools };
}
