/* The board: one table of one benchmark, drawn from the JSON text that came with the page.

   Builds elements with createElement and textContent only: nothing in the data is ever read as HTML. What the visitor
   chooses (table, scale, order, search, columns, ranks, model) stands in the address, so that a link shows the same table.
   Missing numbers stand last in every order. Rows beyond the first few hundred are added as the reader comes near. */

function mountBoard(root, text) {
  "use strict";

  const data = JSON.parse(text);
  const SVG = "http://www.w3.org/2000/svg";
  const CHUNK = 200;
  const WIDE = window.matchMedia("(min-width: 1360px)");
  const ROOMY = window.matchMedia("(min-width: 1560px)");
  const TIGHT = window.matchMedia("(max-width: 1259px)");
  const NARROW = window.matchMedia("(max-width: 1099px)");
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const NAMES_OF_KINDS = { empty: "empty", refusal: "refused", unreadable: "not readable", truncated: "cut off", api_error: "endpoint failed" };

  // ---- small helpers -------------------------------------------------------------------------------------------

  function el(tag, attributes, ...children) {
    const node = tag.startsWith("svg:") ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (name === "style") for (const [key, v] of Object.entries(value)) node.style.setProperty(key, v);
      else node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
    return node;
  }

  /* Draw, and leave the keyboard where it was: on the same control, which may be a new element now. */
  function keepingFocus(box, controls, drawing) {
    const before = [...box.querySelectorAll(controls)].indexOf(document.activeElement);
    drawing();
    if (before >= 0) box.querySelectorAll(controls)[before]?.focus({ preventScroll: true });
  }

  const whole = (n) => n.toLocaleString("en");
  const plural = (n, one, many) => `${whole(n)} ${n === 1 ? one : many}`;

  function signed(x) {
    const digits = Math.abs(x).toFixed(2);
    return Number(digits) === 0 ? digits : (x < 0 ? "−" : "+") + digits;
  }

  const figure = (x) => (x === null || x === undefined ? "–" : x.toFixed(2).replace("-", "−"));
  const share = (x) => (x === null || x === undefined ? "–" : `${Math.round(x * 100)} %`);
  const percent = (x) => (x === 1 ? "100 %" : x === 0 ? "0 %" : `${Math.min(99.9, x * 100).toFixed(1)} %`);
  const place = (x) => `${((Math.min(1, Math.max(-1, x)) + 1) * 50).toFixed(1)}%`;

  // ---- what a row says -----------------------------------------------------------------------------------------

  /* A cell as [score, low, high, items], null where there is no score. */
  function cellOf(row, scale, i) {
    const cell = row.scales[scale][2][i];
    if (!cell) return null;
    return { score: cell[0], low: cell[1] ?? null, high: cell[2] ?? null, items: cell[3] ?? null };
  }

  const hasInterval = (cell) => cell.low !== null && cell.high !== null;
  const halfWidth = (cell) => "±" + ((cell.high - cell.low) / 2).toFixed(2);

  function inWords(cell, name) {
    if (!cell) return `${name}: no score`;
    const items = cell.items ?? state.board.items[name];
    const interval = hasInterval(cell) ? `, 95 % interval ${signed(cell.low)} to ${signed(cell.high)}` : "";
    return `${name}: ${signed(cell.score)}${interval}, ${plural(items, "item", "items")}`;
  }

  const meanHalfWidth = ([, , , low, high]) => (low === null ? null : "±" + ((high - low) / 2).toFixed(2));

  function meanInWords([mean, items, , low, high]) {
    if (mean === null) return "No rating";
    return `Mean rating ${figure(mean)} of 6${low === null ? "" : `, 95 % interval ${figure(low)} to ${figure(high)}`}, ${plural(items, "item", "items")}`;
  }

  // ---- ranks: the places that a row, or a value within it, can have ---------------------------------------------

  const RANKS = "ranks";
  const ranksShown = () => state.shown.has(RANKS) && Boolean(state.board && state.board.ranked);
  const rankOf = (row, name) => (row.ranks ? row.ranks.models[name] || `1-${state.board.ranked}` : null);
  const kindOfValues = () => ["values", "higher-order values", "traits"][state.scale];

  /* "Benevolence 1-7, Power 2-10; the others 1-10", of the dimensions in view; `any` is said where all may be anywhere. */
  function placesInWords(said, last, any) {
    const told = dimensions().filter((d) => said[d.name]).map((d) => `${d.name} ${said[d.name]}`);
    if (!told.length) return any;
    return told.join(", ") + (told.length < dimensions().length ? `; the others 1-${last}` : "");
  }

  function ranksInWords(row) {
    if (!row.ranks) return [["Places", row.unranked]];
    const { ranked } = state.board;
    return [
      ["Own order", placesInWords(row.ranks.values, dimensions().length, `none of its ${kindOfValues()} can be told from the others`)],
      ["Among models", placesInWords(row.ranks.models, ranked, `any place, 1-${ranked}, on each of these ${kindOfValues()}`)],
    ];
  }

  /* What the ranks of the whole table come to. */
  function ranksSummary() {
    const { ranked, rows } = state.board;
    const told = dimensions().filter((d) => rows.some((row) => row.ranks && row.ranks.models[d.name])).map((d) => d.name);
    const outcome = told.length
      ? `An order of some models is established on ${told.join(", ")}; on the other ${kindOfValues()} none is.`
      : `No order of models is established on any of these ${kindOfValues()}.`;
    return `Lowest line: the places a model can have among the ${ranked} ranked ones, 1 being the highest score. 1-${ranked} means any place. ${outcome}`;
  }

  const coverage = (row) => (row.prompts ? (row.rated || 0) / row.prompts : 0);

  function coverageInWords(row) {
    const kinds = Object.entries(row.unscored || {}).map(([kind, n]) => `${whole(n)} ${NAMES_OF_KINDS[kind] || kind}`);
    const rest = kinds.length ? `; without a rating: ${kinds.join(", ")}` : "";
    return `${whole(row.rated || 0)} of ${whole(row.prompts)} answers have a rating${rest}`;
  }

  // ---- state and address ---------------------------------------------------------------------------------------

  const DEFAULT = { sort: "name", down: false };
  const state = { ...DEFAULT, scale: 0, search: "", hidden: new Set(), shown: new Set(), model: null, board: null, practice: false, lost: false };
  const measured = data.boards.filter((board) => !board.practice);
  const practice = data.boards.filter((board) => board.practice);

  function readAddress() {
    const query = new URLSearchParams(window.location.search);
    const wanted = data.boards.find((board) => board.slug === query.get("table"));
    state.practice = wanted ? Boolean(wanted.practice) : query.get("table") === "practice";
    state.lost = Boolean(query.get("table")) && !wanted && !state.practice;
    state.board = wanted || (state.practice ? practice[0] : measured[0]) || null;
    state.scale = Math.max(0, data.scales.findIndex((scale) => scale.key === query.get("scale")));
    state.search = query.get("q") || "";
    state.hidden = new Set((query.get("hide") || "").split(",").filter(Boolean));
    state.shown = new Set((query.get("show") || "").split(",").filter(Boolean));
    const sort = query.get("sort");
    state.sort = columns().some((column) => column.key === sort) ? sort : DEFAULT.sort;
    state.down = query.get("order") === "down";
    state.model = query.get("model");
  }

  function writeAddress() {
    const url = new URL(window.location.href);
    const opening = measured[0] || null;
    const table = state.board === opening ? null : state.board ? state.board.slug : state.practice ? "practice" : null;
    const say = {
      table,
      scale: state.scale ? data.scales[state.scale].key : null,
      sort: state.sort === DEFAULT.sort ? null : state.sort,
      order: state.down ? "down" : null,
      q: state.search || null,
      hide: [...state.hidden].join(",") || null,
      show: [...state.shown].join(",") || null,
      model: state.model,
    };
    for (const [name, value] of Object.entries(say)) {
      if (value === null) url.searchParams.delete(name);
      else url.searchParams.set(name, value);
    }
    window.history.replaceState(window.history.state, "", url);
  }

  // ---- columns -------------------------------------------------------------------------------------------------

  const dimensions = () => data.scales[state.scale].dimensions;

  function columns() {
    const scale = state.scale;
    return [
      { key: "name", title: "Model", kind: "name", value: (row) => row.model },
      ...dimensions().map((d, i) => ({
        key: d.name, title: d.name, kind: "score", dimension: d, index: i,
        hint: `${d.name}: ${d.meaning}.` + (state.board ? ` ${plural(state.board.items[d.name] || 0, "item", "items")}.` : ""),
        value: (row) => { const cell = row.scales[scale][2][i]; return cell ? cell[0] : null; },
      })),
      { key: "mean", title: "Scale mean", kind: "figure", value: (row) => row.scales[scale][0],
        hint: "The model's own average: mean rating, 1 to 6, over all items of the scale. Scores are relative to it.",
        text: (row) => figure(row.scales[scale][0]), under: (row) => meanHalfWidth(row.scales[scale]), say: (row) => meanInWords(row.scales[scale]) },
      { key: "reliability", title: "Reliability", kind: "figure", value: (row) => row.reliability ?? null,
        hint: "How much of what differs between the ten scores is more than chance: 1 all of it, 0 or below nothing. Below 0.5 a profile is called flat.",
        text: (row) => figure(row.reliability), say: (row) => `Reliability of the profile: ${figure(row.reliability)}` },
      { key: "wording", title: "Wording", kind: "figure", extra: true, value: (row) => row.wording ?? null,
        hint: "Share of the items that the model rates differently when the prompt is worded differently.",
        text: (row) => share(row.wording), say: (row) => `${share(row.wording)} of the items are rated differently in other words` },
      { key: "order", title: "Order", kind: "figure", extra: true, value: (row) => row.order ?? null,
        hint: "Share of the items that the model rates differently when the answers are listed in reverse order.",
        text: (row) => share(row.order), say: (row) => `${share(row.order)} of the items are rated differently with the answers in reverse order` },
      { key: "coverage", title: "Coverage", kind: "figure", value: coverage,
        hint: "Share of the prompts whose answer could be read as a rating.",
        text: (row) => percent(coverage(row)), say: coverageInWords },
      { key: "origin", title: "Origin", kind: "word", value: (row) => row.origin, hint: "Who ran the evaluation.",
        text: (row) => row.origin, say: (row) => data.origins[row.origin] },
      { key: "date", title: "Date", kind: "word", value: (row) => row.date, hint: "When the row was computed.",
        text: (row) => row.date, say: (row) => `Computed on ${row.date}` },
    ];
  }

  const isShown = (column) => (column.extra ? state.shown.has(column.key) : !state.hidden.has(column.key));
  /* With more columns than the usual ones something else must give way: the side panel, and words before numbers. */
  const crowded = () => columns().some((column) => column.extra && isShown(column));
  const beside = () => WIDE.matches && (ROOMY.matches || !crowded());
  const shownColumns = () => columns().filter((column) => isShown(column) && !(column.kind === "word" && TIGHT.matches && crowded()));

  function rowsInOrder() {
    if (!state.board) return [];
    const words = state.search.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = state.board.rows.filter((row) => {
      const text = `${row.model} ${row.developer || ""}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
    const column = columns().find((c) => c.key === state.sort);
    const sign = state.down ? -1 : 1;
    const byName = (a, b) => collator.compare(a.model, b.model);
    return rows
      .map((row) => [column.value(row), row])
      .sort(([a, rowA], [b, rowB]) => {
        const missing = (a === null) - (b === null);
        if (missing) return missing;
        const order = a === null ? 0 : typeof a === "number" ? a - b : collator.compare(a, b);
        return sign * order || byName(rowA, rowB);
      })
      .map(([, row]) => row);
  }

  // ---- the portrait --------------------------------------------------------------------------------------------

  const geometry = data.portrait;

  function at(kind, spoke, score) {
    const { centre, zero, unit } = geometry[kind];
    const radius = zero + unit * Math.min(geometry.limit, Math.max(-geometry.limit, score));
    return geometry.directions[spoke].map((d, axis) => (centre[axis] + d * radius).toFixed(2));
  }

  function outline(kind, scores) {
    const gap = scores.indexOf(null);
    const order = scores.map((_, i) => (i + Math.max(0, gap)) % scores.length);
    let pen = "M", path = "";
    for (const i of order) {
      if (scores[i] === null) { pen = "M"; continue; }
      path += pen + at(kind, i, scores[i]).join(" ");
      pen = "L";
    }
    return path && gap < 0 ? path + "Z" : path;
  }

  function portrait(kind, name, cells, { muted = false, reference = null } = {}) {
    const svg = root.querySelector(`template.vp-frame-${kind}`).content.firstElementChild.cloneNode(true);
    svg.querySelector("title").textContent = `Value portrait of ${name}`;
    svg.querySelector("desc").textContent = geometry.names.map((value, i) => inWords(cells[i], value)).join("; ");
    const scores = cells.map((cell) => (cell ? cell.score : null));
    const tone = muted ? "vp-muted" : "";
    if (reference) svg.append(el("svg:path", { d: outline(kind, reference), class: "vp-reference" }));
    if (kind === "full" && cells.every((cell) => cell && hasInterval(cell))) {
      const band = outline(kind, cells.map((c) => c.high)) + outline(kind, cells.map((c) => c.low));
      svg.append(el("svg:path", { d: band, class: `vp-band ${tone}` }));
    }
    svg.append(el("svg:path", { d: outline(kind, scores), class: `vp-line ${tone}` }));
    if (kind === "full") {
      data.scales[0].dimensions.forEach((d, i) => {
        if (scores[i] === null) return;
        const [cx, cy] = at(kind, i, scores[i]);
        svg.append(el("svg:circle", { cx, cy, r: 4, fill: d.colour, class: "vp-dot" }));
      });
    }
    return svg;
  }

  const valueCells = (row) => geometry.names.map((_, i) => cellOf(row, 0, i));

  /* Mean of all rows of the board: what stands dotted behind each portrait. */
  function boardMeans(scale) {
    const memo = (state.board.means ||= {});
    return (memo[scale] ||= data.scales[scale].dimensions.map((_, i) => {
      const scores = state.board.rows.map((row) => cellOf(row, scale, i)).filter(Boolean).map((cell) => cell.score);
      return scores.length ? scores.reduce((sum, x) => sum + x, 0) / scores.length : null;
    }));
  }

  // ---- pieces of a row -----------------------------------------------------------------------------------------

  function whisker(cell, extra) {
    return el("i", {
      class: "vp-whisker" + (extra ? ` ${extra}` : ""), "aria-hidden": "true",
      style: { "--s": place(cell.score), "--l": place(cell.low ?? cell.score), "--h": place(cell.high ?? cell.score) },
    });
  }

  function tint(cell) {
    return { "--t": cell ? Math.min(1, Math.abs(cell.score)).toFixed(3) : "0" };
  }

  const side = (cell) => (!cell ? "none" : cell.score < 0 ? "below" : "above");

  function scoreCell(row, column) {
    const cell = cellOf(row, state.scale, column.index);
    const rank = ranksShown() ? rankOf(row, column.title) : null;
    const words = inWords(cell, column.title) + (rank ? `, place ${rank} of ${state.board.ranked}` : ranksShown() ? `. ${row.unranked}` : "");
    return el(
      "td", { class: "vp-score", "data-side": side(cell), style: tint(cell), title: words, "aria-label": words },
      el("span", { class: "vp-num" }, cell ? signed(cell.score) : "–"),
      cell && hasInterval(cell) ? [el("span", { class: "vp-pm" }, halfWidth(cell)), whisker(cell)] : null,
      ranksShown() ? el("span", { class: "vp-rank" }, rank || "–") : null,
    );
  }

  /* A name may break after its own separators and nowhere else. */
  function breakable(name) {
    return name.split(/(?<=[-/_.:])(?=.)/).flatMap((part, i) => (i ? [el("wbr"), part] : [part]));
  }

  function badgesOf(row) {
    return (row.badges || []).map(([word, hint]) => el("span", { class: "vp-badge", tabindex: "0", role: "note", "aria-label": `${word}: ${hint}`, "data-hint": hint }, word));
  }

  function nameCell(row) {
    return el(
      "th", { scope: "row", class: "vp-name" },
      el("div", { class: "vp-who" },
        portrait("thumb", row.model, valueCells(row), { muted: row.muted }),
        el("div", null,
          el("button", { type: "button", class: "vp-model", "aria-expanded": String(state.model === row.id) }, breakable(row.model)),
          el("span", { class: "vp-sub" }, row.developer ? el("span", null, row.developer) : null, badgesOf(row)))),
    );
  }

  // ---- one row in full: side panel, opened row, opened card ----------------------------------------------------

  function figures(name, cells, items) {
    return el(
      "table", { class: "vp-figures" },
      el("caption", { class: "vp-hidden" }, `${data.scales[state.scale].name} of ${name}`),
      el("tbody", null, dimensions().map((d, i) => {
        const cell = cells[i];
        return el("tr", { title: inWords(cell, d.name) },
          el("th", { scope: "row" }, el("i", { class: "vp-mark", style: { background: d.colour }, "aria-hidden": "true" }), d.name),
          el("td", { class: "vp-axis" }, cell ? whisker(cell, "vp-long") : null),
          el("td", { class: "vp-num" }, cell ? signed(cell.score) : "–"),
          el("td", { class: "vp-pm" }, cell && hasInterval(cell) ? halfWidth(cell) : ""),
          items ? el("td", { class: "vp-n" }, cell ? `n ${cell.items ?? state.board.items[d.name]}` : "") : null);
      })),
    );
  }

  function styleInWords(row) {
    const said = [];
    if (row.most_used) said.push(`gives rating ${row.most_used[0]} in ${percent(row.most_used[1])} of the answers`);
    if (row.agreeing) said.push(`rates ${figure(Math.abs(row.agreeing))} points ${row.agreeing > 0 ? "higher" : "lower"} when “very much like me” stands first`);
    if (row.refused) said.push(`refuses ${percent(row.refused)} of the prompts`);
    return said.join("; ") || null;
  }

  const listOf = (pairs) => el("dl", null, pairs.filter(([, value]) => value).map(([term, value]) => el("div", null, el("dt", null, term), el("dd", null, value))));

  function detail(row) {
    const scale = data.scales[state.scale].name.toLowerCase();
    return el(
      "div", { class: "vp-detail" },
      el("div", { class: "vp-picture" },
        el("h2", null, el("a", { href: `./model?id=${encodeURIComponent(row.id)}` }, breakable(row.model))),
        el("p", { class: "vp-sub" }, row.developer ? el("span", null, row.developer) : null, badgesOf(row)),
        row.note ? el("p", { class: "vp-note" }, row.note) : null,
        portrait("full", row.model, valueCells(row), { muted: row.muted, reference: boardMeans(0) }),
        el("p", { class: "vp-caption" }, "Ring: the model’s own average. ", el("span", { class: "vp-dotted", "aria-hidden": "true" }), ` mean of the ${plural(state.board.rows.length, "model", "models")} here`)),
      el("div", { class: "vp-facts" },
        figures(row.model, dimensions().map((_, i) => cellOf(row, state.scale, i)), true),
        listOf([
          ["Own average", `${meanInWords(row.scales[state.scale])} (${scale})`],
          ...(state.board.ranked ? ranksInWords(row) : []),
          ["Reliability", row.reliability === undefined ? null : `${figure(row.reliability)} (below 0.5: flat)`],
          ["Wording", row.wording === undefined ? null : `${percent(row.wording)} of the items are rated differently in other words`],
          ["Order", row.order === undefined ? null : `${percent(row.order)} are rated differently with the answers in reverse order`],
          ["Style", styleInWords(row)],
          ["Circle", row.circle ? `${share(row.circle[0])} of what differs between its values follows one wave around the circle${row.circle[1] === null ? "" : ` (${share(row.circle[1])} to ${share(row.circle[2])})`}; unrelated values would give 22 %` : null],
          ["Coverage", `${percent(coverage(row))}: ${coverageInWords(row)}`],
          ["Origin", data.origins[row.origin]],
          ["Source", row.source],
          ["Asked through", row.origin === "published" ? null : row.endpoint],
          ["Revision", row.revision],
          ["Row computed", row.date],
        ])),
    );
  }

  function overview() {
    const cells = (scale) => boardMeans(scale).map((score, i) => score === null ? null : { score, low: null, high: null, items: state.board.items[data.scales[scale].dimensions[i].name] });
    return el(
      "div", { class: "vp-detail" },
      el("div", { class: "vp-picture" },
        el("h2", null, `Mean of ${plural(state.board.rows.length, "model", "models")}`),
        el("p", { class: "vp-sub" }, "Point at a row to see its portrait. Click to keep it."),
        portrait("full", "the mean of all models in this table", cells(0)),
        el("p", { class: "vp-caption" }, "Ring: a model’s own average. Outside: more than that, inside: less.")),
      el("div", { class: "vp-facts" }, figures("the mean of all models", cells(state.scale), true)),
    );
  }

  // ---- skeleton ------------------------------------------------------------------------------------------------

  const live = el("p", { class: "vp-hidden", role: "status", "aria-live": "polite" });
  const lead = el("header", { class: "vp-lead" });
  const controls = el("div", { class: "vp-controls" });
  const notice = el("p", { class: "vp-notice", role: "note" });
  const legend = el("div", { class: "vp-legend" });
  const list = el("div", { class: "vp-rows" });
  const main = el("div", { class: "vp-main" });
  const panel = el("aside", { class: "vp-panel", "aria-label": "Portrait" });
  const tip = el("div", { class: "vp-tip", hidden: true, "aria-hidden": "true" });
  const more = el("button", { type: "button", class: "vp-more", onclick: () => grow() });
  root.append(lead, controls, notice, legend, main, live, tip);
  main.append(el("div", { class: "vp-left" }, list, more), panel);

  /* What a badge means, beside it: for the pointer and for the keyboard. */
  let explained = null;
  function explain(badge) {
    explained = badge && badge.isConnected ? badge : null;
    tip.hidden = !explained;
    if (!explained) return;
    tip.textContent = badge.dataset.hint;
    const box = badge.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 8))}px`;
    const under = box.bottom + 6;
    tip.style.top = `${under + tip.offsetHeight > window.innerHeight ? box.top - tip.offsetHeight - 6 : under}px`;
  }
  for (const kind of ["pointerover", "focusin"]) root.addEventListener(kind, (event) => explain(event.target.closest("[data-hint]")));
  for (const kind of ["pointerleave", "focusout"]) root.addEventListener(kind, () => explain(null));
  root.addEventListener("keydown", (event) => { if (event.key === "Escape") explain(null); });
  window.addEventListener("scroll", () => { if (explained) explain(explained); }, { passive: true });

  function drawLead() {
    const board = state.board;
    const line = [];
    if (board) {
      line.push(`${board.name}, version ${board.version}`, `digest ${board.digest.slice(0, 8)}`);
      line.push(plural(board.rows.length, "model", "models"));
      line.push(board.mode === "constrained" ? "answers constrained to the six phrases" : "free-text answers");
      const newest = board.rows.map((row) => row.date).sort().at(-1);
      if (newest) line.push(`last row ${newest}`);
    }
    lead.replaceChildren(
      el("h1", null, "What language models put first"),
      el("p", null, line.join(" · ")),
    );
  }

  function segmented(label, options, chosen, choose) {
    return el("div", { class: "vp-segmented", role: "group", "aria-label": label },
      options.map((name, i) => el("button", { type: "button", "aria-pressed": String(i === chosen), onclick: () => choose(i) }, name)));
  }

  function boardName(board) {
    return `${board.name} ${board.digest.slice(0, 8)}, ${board.mode}, protocol ${board.protocol}`;
  }

  const openMenus = new Set();

  function menu(name, ...children) {
    const box = el("details", { class: `vp-menu vp-menu-${name.toLowerCase()}`, open: openMenus.has(name) }, el("summary", null, name), el("div", { class: "vp-sheet" }, children));
    box.addEventListener("toggle", () => openMenus[box.open ? "add" : "delete"](name));
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !box.open) return;
      box.open = false;
      box.firstElementChild.focus();
    });
    return box;
  }

  function check(column) {
    const box = el("input", { type: "checkbox", checked: isShown(column), onchange: () => {
      if (column.extra) state.shown[box.checked ? "add" : "delete"](column.key);
      else state.hidden[box.checked ? "delete" : "add"](column.key);
      if (!shownColumns().some((c) => c.key === state.sort)) Object.assign(state, { sort: DEFAULT.sort, down: DEFAULT.down });
      update();
    } });
    return el("label", null, box, column.title);
  }

  /* The places under each value, on demand. */
  function checkRanks() {
    const none = !state.board || !state.board.ranked;
    const box = el("input", { type: "checkbox", checked: ranksShown(), disabled: none, onchange: () => {
      state.shown[box.checked ? "add" : "delete"](RANKS);
      drawLegend();
      update();
    } });
    return el("label", { title: none ? "No row of this table can be ranked." : null }, box, "Places, under each value");
  }

  function setScale(i) {
    state.scale = i;
    if (!columns().some((column) => column.key === state.sort)) Object.assign(state, { sort: DEFAULT.sort, down: DEFAULT.down });
    drawControls();
    drawLegend();
    update();
  }

  function searchBox() {
    const box = el("input", { type: "search", placeholder: "Search models", "aria-label": "Search models and developers",
      oninput: () => { state.search = box.value; update(); } });
    box.value = state.search;
    return box;
  }

  function tablePicker(choices) {
    const box = el("select", { onchange: () => show(choices[box.selectedIndex]) },
      choices.map((board) => el("option", { selected: board === state.board }, `${board.name} ${board.digest.slice(0, 8)}, ${board.mode}, protocol ${board.protocol}`)));
    return el("label", { class: "vp-pick" }, el("span", null, "Table"), box);
  }

  function sortPicker() {
    const ends = (column) => (column.key === "date" ? ["oldest first", "newest first"] : descendsFirst(column) ? ["smallest first", "largest first"] : ["A to Z", "Z to A"]);
    const box = el("select", { onchange: () => { const [key, order] = box.value.split("|"); sortBy(key, order === "down"); } },
      columns().flatMap((column) => ends(column).map((words, i) =>
        el("option", { value: `${column.key}|${i ? "down" : "up"}`, selected: state.sort === column.key && state.down === Boolean(i) }, `${column.title}, ${words}`))));
    return el("label", { class: "vp-pick" }, el("span", null, "Sort by"), box);
  }

  function practiceSwitch() {
    return el("button", { type: "button", class: "vp-switch", role: "switch", "aria-checked": String(state.practice), onclick: () => {
      state.practice = !state.practice;
      show((state.practice ? practice : measured)[0] || null);
    } }, el("i", { "aria-hidden": "true" }), `Practice runs (${practice.reduce((n, board) => n + board.rows.length, 0)})`);
  }

  function drawControls() {
    const choices = state.practice ? practice : measured;
    const tables = choices.length > 1 ? tablePicker(choices) : null;
    const scales = segmented("Scale", data.scales.map((scale) => scale.name), state.scale, setScale);
    const parts = NARROW.matches
      ? [scales, searchBox(), menu("Options", sortPicker(), tables, practiceSwitch())]
      : [scales, searchBox(), tables, menu("Columns", checkRanks(), columns().slice(1).map(check)), practiceSwitch()];
    keepingFocus(controls, "button, input, select, summary", () => controls.replaceChildren(...parts.filter(Boolean)));
  }

  function drawNotice() {
    notice.hidden = !state.practice && !state.lost;
    notice.textContent = state.practice
      ? "These rows show how a run works. Their questions were made up for practice and their values mean nothing."
      : "The table that the address names is not here. This is the one that opens otherwise.";
  }

  function drawLegend() {
    const interval = state.board && state.board.rows.some((row) => row.scales[state.scale][2].some((cell) => cell && cell[2] !== undefined && cell[2] !== null));
    const swatches = el("span", { class: "vp-scale", "aria-hidden": "true" }, [-1, -0.5, 0, 0.5, 1].map((score) => el("i", { "data-side": score < 0 ? "below" : "above", style: { "--t": String(Math.abs(score)) } })));
    const says = "how far the model rates this value’s items below or above its own average, in points of a 6-point scale.";
    const parts = NARROW.matches
      ? [el("span", null, `Each bar, from −1 to +1: ${says}${interval ? " Line: 95 % interval." : ""}`)]
      : [el("span", null, `Each number: ${says}`), el("span", { class: "vp-key" }, "−1", swatches, "+1"),
        interval ? el("span", { class: "vp-key" }, whisker({ score: 0.1, low: -0.35, high: 0.55 }), "and ±: 95 % interval, axis from −1 to +1, tick at 0") : null];
    legend.replaceChildren(...parts.filter(Boolean), el("a", { href: "about#reading" }, "How to read this"),
      ...(ranksShown() && !NARROW.matches ? [el("p", { class: "vp-places" }, ranksSummary())] : []));
  }

  function show(board) {
    Object.assign(state, { board, model: null, lost: false });
    drawLead();
    drawControls();
    drawNotice();
    drawLegend();
    update();
  }

  function sortBy(key, down) {
    Object.assign(state, { sort: key, down });
    update();
    const column = columns().find((c) => c.key === key);
    live.textContent = `Sorted by ${column.title}, ${down ? "descending" : "ascending"}. ${plural(listed.length, "model", "models")}.`;
  }

  const descendsFirst = (column) => column.kind === "score" || column.kind === "figure" || column.key === "date";

  /* First click: numbers and dates from the top, words from A. Second: the other way. Third: back to names. */
  function cycle(column) {
    const first = descendsFirst(column);
    if (state.sort !== column.key) sortBy(column.key, first);
    else if (state.down === first) sortBy(column.key, !first);
    else sortBy(DEFAULT.sort, DEFAULT.down);
  }

  // ---- table ---------------------------------------------------------------------------------------------------

  let listed = [];
  let shown = 0;
  let body = null;
  let built = new Map();
  let builtFor = "";

  function bands(columns_) {
    const cells = [el("td", { class: "vp-name" })];
    let i = 1;
    while (i < columns_.length) {
      const family = columns_[i].dimension && columns_[i].dimension.family;
      let span = 1;
      while (family && i + span < columns_.length && columns_[i + span].dimension && columns_[i + span].dimension.family === family) span += 1;
      const named = family && state.scale === 0;
      cells.push(named
        ? el("th", { scope: "colgroup", colspan: span, class: "vp-band-head", title: family },
          el("i", { style: { background: columns_[i].dimension.colour }, "aria-hidden": "true" }),
          el("span", { class: family === columns_[i].title && span === 1 ? "vp-unsaid" : null }, family))
        : el("td", { colspan: span }));
      i += span;
    }
    return el("tr", { class: "vp-bands" }, cells);
  }

  function heading(column) {
    const sorted = state.sort === column.key;
    const words = column.dimension ? column.dimension.heading : column.title;
    return el("th", { scope: "col", class: `vp-${column.kind}`, "data-column": column.key, "aria-sort": sorted ? (state.down ? "descending" : "ascending") : "none" },
      el("button", { type: "button", title: column.hint || "Sort by name", onclick: () => cycle(column) },
        el("span", null, words),
        el("i", { class: "vp-sortmark", "aria-hidden": "true" }, sorted ? (state.down ? "↓" : "↑") : "↕")));
  }

  function tableRow(row, columns_) {
    const cells = columns_.map((column) => {
      if (column.kind === "name") return nameCell(row);
      if (column.kind === "score") return scoreCell(row, column);
      const words = column.say(row);
      const under = column.under && column.under(row);
      return el("td", { class: `vp-${column.kind}`, title: words, "aria-label": words }, el("span", null, column.text(row)), under ? el("span", { class: "vp-pm" }, under) : null);
    });
    return el("tr", { class: "vp-row" + (row.muted ? " vp-grey" : ""), "data-id": row.id }, cells);
  }

  function card(row) {
    const cells = dimensions().map((_, i) => cellOf(row, state.scale, i));
    return el("li", { class: "vp-card" + (row.muted ? " vp-grey" : ""), "data-id": row.id },
      el("div", { class: "vp-who" },
        portrait("thumb", row.model, valueCells(row), { muted: row.muted }),
        el("div", null,
          el("button", { type: "button", class: "vp-model", "aria-expanded": String(state.model === row.id) }, breakable(row.model)),
          el("span", { class: "vp-sub" }, row.developer ? el("span", null, row.developer) : null, badgesOf(row)))),
      el("div", { class: "vp-bars", role: "list", style: { "--n": String(cells.length) } }, cells.map((cell, i) => {
        const d = dimensions()[i];
        const interval = cell && hasInterval(cell);
        return el("div", { role: "listitem", "aria-label": inWords(cell, d.name), title: inWords(cell, d.name) },
          el("span", { class: "vp-bar", "data-side": side(cell), style: { ...tint(cell), "--c": d.colour, "--s": cell ? place(cell.score) : "50%", "--l": interval ? place(cell.low) : "50%", "--h": interval ? place(cell.high) : "50%" } }),
          el("span", { class: "vp-short", "aria-hidden": "true" }, d.short));
      })));
  }

  function grow() {
    const columns_ = shownColumns();
    const next = listed.slice(shown, shown + CHUNK);
    for (const row of next) {
      if (!built.has(row.id)) built.set(row.id, NARROW.matches ? card(row) : tableRow(row, columns_));
    }
    body.append(...next.map((row) => built.get(row.id)));
    shown += next.length;
    more.hidden = shown >= listed.length;
    more.textContent = `Show ${whole(Math.min(CHUNK, listed.length - shown))} more of ${whole(listed.length - shown)}`;
  }

  function drawRows() {
    const columns_ = shownColumns();
    main.classList.toggle("vp-crowded", crowded());
    const look = [state.board && state.board.slug, state.scale, NARROW.matches, ranksShown(), columns_.map((c) => c.key)].join();
    if (look !== builtFor) { built = new Map(); builtFor = look; }
    listed = rowsInOrder();
    shown = 0;
    if (!listed.length) {
      more.hidden = true;
      list.replaceChildren(emptyState());
      return;
    }
    if (NARROW.matches) {
      body = el("ul", { class: "vp-cards", "aria-label": "Models" });
      list.replaceChildren(body);
    } else {
      body = el("tbody");
      const dims = columns_.filter((c) => c.kind === "score").length;
      list.replaceChildren(el("table", { class: "vp-table" + (ranksShown() ? " vp-placed" : ""), style: { "--dims": String(dims) } },
        el("caption", { class: "vp-hidden" }, `${data.scales[state.scale].name} of ${plural(listed.length, "model", "models")}. Every column heading sorts.`),
        el("colgroup", null, columns_.map((column) => el("col", { class: `vp-${column.kind} vp-col-${data.scales[state.scale].key}` }))),
        el("thead", null, state.scale === 0 ? bands(columns_) : null, el("tr", { class: "vp-heads" }, columns_.map(heading))),
        body));
    }
    const chosen = listed.findIndex((row) => row.id === state.model);
    do grow(); while (shown <= chosen);
  }

  function emptyState() {
    if (state.search) return el("p", { class: "vp-empty" }, `No model here is called “${state.search}”. `, el("button", { type: "button", class: "vp-link", onclick: () => { state.search = ""; drawControls(); update(); } }, "Show all"));
    if (state.practice) return el("p", { class: "vp-empty" }, "No practice run yet. ", el("a", { href: "submit" }, "Send the small model that comes along through the practice benchmark"), " to see one.");
    return el("p", { class: "vp-empty" }, "No results yet. ", el("a", { href: "submit" }, "Submit a model"), " to see the first row.");
  }

  // ---- selection -----------------------------------------------------------------------------------------------

  const rowById = (id) => state.board && state.board.rows.find((row) => row.id === id);

  function drawPanel(id) {
    const row = rowById(id || state.model);
    if (!state.board || !state.board.rows.length) panel.replaceChildren();
    else panel.replaceChildren(row ? detail(row) : overview());
  }

  function drawSelection() {
    for (const old of list.querySelectorAll(".vp-opened")) old.remove();
    for (const node of list.querySelectorAll("[data-id]")) {
      const chosen = node.dataset.id === state.model;
      node.classList.toggle("vp-chosen", chosen);
      node.querySelector(".vp-model").setAttribute("aria-expanded", String(chosen));
      if (!chosen || beside()) continue;
      const row = rowById(state.model);
      if (NARROW.matches) node.append(el("div", { class: "vp-opened" }, detail(row)));
      else node.after(el("tr", { class: "vp-opened" }, el("td", { colspan: shownColumns().length }, detail(row))));
    }
    drawPanel();
  }

  function choose(id) {
    state.model = state.model === id ? null : id;
    writeAddress();
    drawSelection();
  }

  const idOf = (event) => { const node = event.target.closest("[data-id]"); return node && list.contains(node) ? node.dataset.id : null; };

  list.addEventListener("click", (event) => {
    if (event.target.closest(".vp-opened, a") || String(window.getSelection())) return;
    const id = idOf(event);
    if (id) choose(id);
  });
  let pointed = null;
  function point(id) {
    if (!beside() || id === pointed) return;
    pointed = id;
    drawPanel(id);
  }
  list.addEventListener("pointerover", (event) => point(idOf(event)));
  list.addEventListener("pointerleave", () => point(null));
  list.addEventListener("focusin", (event) => point(idOf(event)));
  document.addEventListener("click", (event) => {
    for (const box of controls.querySelectorAll("details[open]")) if (!box.contains(event.target)) box.open = false;
  });

  // ---- go ------------------------------------------------------------------------------------------------------

  function update() {
    pointed = null;
    keepingFocus(list, "thead button", drawRows);
    drawSelection();
    writeAddress();
    if (state.search) live.textContent = plural(listed.length, "model found", "models found");
  }

  function draw() {
    drawLead();
    drawControls();
    drawNotice();
    drawLegend();
    update();
  }

  new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && !more.hidden) grow();
  }, { rootMargin: "800px" }).observe(more);
  for (const width of [WIDE, ROOMY, TIGHT, NARROW]) width.addEventListener("change", draw);

  readAddress();
  draw();
  const opened = list.querySelector(".vp-chosen");
  if (opened && opened.getBoundingClientRect().bottom > window.innerHeight) opened.scrollIntoView({ block: "center" });
}
