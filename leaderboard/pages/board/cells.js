/* What rows, cards and the detail are made of: portraits, whiskers, badges, the tools of a row. */

function boardPieces(app) {
  "use strict";

  const { root, data, state, columns } = app;
  const { el, known, breakable, signed } = boardWords;
  const geometry = data.portrait;

  // ---- the portrait: always of the ten centred values ----------------------------------------------------------

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

  const scoreInWords = (cell, value) => (cell ? `${value} ${signed(cell.score)}${known(cell.low) ? ` (95 % interval ${signed(cell.low)} to ${signed(cell.high)})` : ""}` : `${value}: no score`);

  function portrait(kind, name, cells, { muted = false, reference = null } = {}) {
    const svg = root.querySelector(`template.vp-frame-${kind}`).content.firstElementChild.cloneNode(true);
    svg.querySelector("title").textContent = `Value portrait of ${name}`;
    svg.querySelector("desc").textContent = geometry.names.map((value, i) => scoreInWords(cells[i], value)).join("; ");
    const scores = cells.map((cell) => (cell ? cell.score : null));
    const tone = muted ? "vp-muted" : "";
    if (reference) svg.append(el("svg:path", { d: outline(kind, reference), class: "vp-reference" }));
    if (kind === "full" && cells.every((cell) => cell && known(cell.low))) {
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

  const valueCells = (row) => geometry.names.map((_, i) => data.cellOf(state.board, row, 0, i));

  /* Mean of all rows of the board on a scale; of what is shown now, centred or raw. */
  function boardMeans(scale, name) {
    const memo = (state.board.means ||= {});
    return (memo[`${scale} ${name}`] ||= data.scales[scale].dimensions.map((_, i) => {
      const cells = state.board.rows.map((row) => (name === "raw" ? data.rawOf(state.board, row, scale, i) : data.cellOf(state.board, row, scale, i))).filter(Boolean);
      return cells.length ? cells.reduce((sum, cell) => sum + cell[name], 0) / cells.length : null;
    }));
  }

  /* What stands dotted behind each portrait, and what it is. */
  function reference() {
    const { board } = state;
    if (!board.raters) return { profile: boardMeans(0, "score"), words: `mean of the ${boardWords.plural(board.rows.length, "model", "models")} here` };
    const n = board.people && board.people.raters_from ? `${board.people.raters_from.n.toLocaleString("en")} ` : "";
    return { profile: board.raters, words: `the ${n}people who rated the benchmark’s sentences, scored like a model` };
  }

  // ---- marks of a cell -----------------------------------------------------------------------------------------

  /* An axis with a tick in the middle, the interval as a line, the number as a point. */
  function whisker(x, { raw = state.raw, extra = "" } = {}) {
    const place = (value) => columns.place(value, raw);
    return el("i", {
      class: `vp-whisker ${extra}`.trim(), "aria-hidden": "true",
      style: { "--s": place(x.value), "--l": place(x.low ?? x.value), "--h": place(x.high ?? x.value) },
    });
  }

  const side = (cell) => (!cell ? "none" : cell.score < 0 ? "below" : "above");
  const tint = (cell) => ({ "--t": cell ? Math.min(1, Math.abs(cell.score)).toFixed(3) : "0" });

  const badgesOf = (row) => row.badges.map(([word, hint]) => el("span", { class: "vp-badge", tabindex: "0", role: "note", "aria-label": `${word}: ${hint}`, "data-hint": hint }, word));

  const pageOf = (row) => `./model?id=${encodeURIComponent(row.id)}`;

  // ---- a row's name and tools ----------------------------------------------------------------------------------

  const MOST = 5;

  function pinMark() {
    return el("svg:svg", { viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true" },
      el("svg:path", { d: "M3 2.5h10M8 14V6M4.5 9 8 5.5 11.5 9", fill: "none", stroke: "currentColor", "stroke-width": "1.6" }));
  }

  function tools(row) {
    const ticked = state.ticked.includes(row.id);
    const full = !ticked && state.ticked.length >= MOST;
    const pinned = state.pins.includes(row.id);
    const pin = pinned ? "No longer on top" : "Keep on top";
    return el("span", { class: "vp-tools" },
      el("input", { type: "checkbox", checked: ticked, disabled: full, "data-focus": `tick ${row.id}`, "aria-label": `Compare ${row.model}`, title: full ? `At most ${MOST} models can be compared at once` : "Compare",
        onchange: () => app.tick(row.id) }),
      el("button", { type: "button", class: "vp-pin", "aria-pressed": String(pinned), "data-focus": `pin ${row.id}`, "aria-label": `${pin}: ${row.model}`, title: pin, onclick: () => app.pin(row.id) }, pinMark()));
  }

  /* Portrait, name and what is said under it. The portrait opens the row, the name leads to its page. */
  function who(row) {
    return el("div", { class: "vp-who" },
      tools(row),
      el("button", { type: "button", class: "vp-open", "data-focus": `open ${row.id}`, "aria-expanded": String(state.model === row.id), "aria-label": `Portrait of ${row.model}`, onclick: () => app.choose(row.id) },
        portrait("thumb", row.model, valueCells(row), { muted: row.muted })),
      el("div", null,
        el("a", { class: "vp-model", href: pageOf(row), "data-focus": `name ${row.id}` }, breakable(row.model)),
        el("span", { class: "vp-sub" }, row.developer ? el("span", null, row.developer) : null, badgesOf(row))));
  }

  // ---- the tip: what a badge means, for the pointer and for the keyboard ---------------------------------------

  const tip = el("div", { class: "vp-tip", hidden: true, "aria-hidden": "true" });
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

  return { MOST, portrait, valueCells, boardMeans, reference, whisker, side, tint, badgesOf, pageOf, tools, who, tip };
}
