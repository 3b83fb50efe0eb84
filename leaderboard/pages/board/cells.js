/* What rows, cards and the detail are made of: portraits, whiskers, badges, the tools of a row. */

import { breakable, el, targetOf } from "../../web/static/elements.js";
import { known, plural, signed, whole } from "../../web/static/numbers.js";
import { outline } from "../../web/static/outline.js";
import { hasInterval, place } from "./columns.js";
import { cellOf, rawOf } from "./table.js";

/** @import { Board, Cell, Maybe, Row, Table } from "./table.js" */
/** @import { State } from "./address.js" */
/** @import { Actions } from "./board.js" */
/** @typedef {ReturnType<typeof boardCells>} Cells */
/** @typedef {"full" | "thumb"} Kind */

const MOST = 5;

/** @param {{score: number} | null} cell */
export const side = (cell) => (!cell ? "none" : cell.score < 0 ? "below" : "above");

/** Full where its axis ends. @param {{score: number, match?: boolean} | null} cell */
export const tint = (cell) => ({ "--t": cell ? Math.min(1, Math.abs(cell.score) * (cell.match ? 2 : 1)).toFixed(3) : "0" });

/** The page of a dimension. @param {string} name */
export const valuePage = (name) => `./value?name=${encodeURIComponent(name)}`;

/** @param {Row} row */
export const pageOf = (row) => `./model?id=${encodeURIComponent(row.id)}`;

/** @param {Row} row */
export const badgesOf = (row) => row.badges.map(([word, hint]) => el("span", { class: "vp-badge", tabindex: "0", role: "note", "aria-label": `${word}: ${hint}`, "data-hint": hint }, word));

/** @param {Cell | null} cell @param {string} value */
const scoreInWords = (cell, value) => (cell ? `${value} ${signed(cell.score)}${hasInterval(cell) ? ` (95 % interval ${signed(cell.low)} to ${signed(cell.high)})` : ""}` : `${value}: no score`);

/**
 * An axis with a tick in the middle, the interval as a line, the number as a point.
 * @param {{value: number, low: Maybe, high: Maybe}} x
 * @param {{axis: import("./columns.js").Axis, extra?: string}} how
 */
export function whisker(x, { axis, extra = "" }) {
  return el("i", {
    class: `vp-whisker ${extra}`.trim(), "aria-hidden": "true",
    style: { "--s": place(x.value, axis), "--l": place(x.low ?? x.value, axis), "--h": place(x.high ?? x.value, axis) },
  });
}

function pinMark() {
  return el("svg:svg", { viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true" },
    el("svg:path", { d: "M3 2.5h10M8 14V6M4.5 9 8 5.5 11.5 9", fill: "none", stroke: "currentColor", "stroke-width": "1.6" }));
}

/**
 * What a badge means, for the pointer and for the keyboard.
 * @param {HTMLElement} root Where badges are.
 */
export function badgeTip(root) {
  const tip = el("div", { class: "vp-tip", hidden: true, "aria-hidden": "true" });
  /** @type {HTMLElement | null} */
  let explained = null;
  /** @param {HTMLElement | null} badge */
  function explain(badge) {
    explained = badge?.isConnected ? badge : null;
    tip.hidden = !explained;
    if (!explained) return;
    tip.textContent = explained.dataset.hint ?? "";
    const box = explained.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 8))}px`;
    const under = box.bottom + 6;
    tip.style.top = `${under + tip.offsetHeight > window.innerHeight ? box.top - tip.offsetHeight - 6 : under}px`;
  }
  root.addEventListener("pointerover", (event) => explain(targetOf(event).closest("[data-hint]")));
  // by keyboard one goes from heading to heading, and each says what stands in it
  root.addEventListener("focusin", (event) => explain(targetOf(event).closest("[data-hint]") ?? targetOf(event).closest(".vp-heads th")?.querySelector("[data-hint]") ?? null));
  for (const kind of ["pointerleave", "focusout"]) root.addEventListener(kind, () => explain(null));
  root.addEventListener("keydown", (event) => { if (event.key === "Escape") explain(null); });
  window.addEventListener("scroll", () => { if (explained) explain(explained); }, { passive: true });
  return tip;
}

/**
 * @param {HTMLElement} root
 * @param {Table} table
 * @param {State} state
 * @param {Actions} act
 */
export function boardCells(root, table, state, act) {
  const geometry = table.portrait;
  const board = () => /** @type {Board} */ (state.board); // there are no rows without one

  // ---- the portrait: always of the ten values, in the reading shown ----------------------------------------------------------

  /** Where a score lies in a drawing. @param {Kind} kind @returns {(spoke: number, score: number) => string[]} */
  const at = (kind) => (spoke, score) => {
    const { centre, zero, unit } = geometry[kind];
    const limit = state.reading === "all" ? geometry.match_limit : geometry.limit;
    const radius = zero + unit * geometry.limit * (Math.min(limit, Math.max(-limit, score)) / limit);
    return geometry.directions[spoke].map((d, axis) => (centre[axis] + d * radius).toFixed(2));
  };

  /**
   * @param {Kind} kind
   * @param {string} name Whose it is.
   * @param {(Cell | null)[]} cells
   * @param {{muted?: boolean, reference?: Maybe[] | null}} [how]
   */
  function portrait(kind, name, cells, { muted = false, reference = null } = {}) {
    const frame = /** @type {HTMLTemplateElement} */ (root.querySelector(`template.vp-frame-${kind}`));
    const svg = /** @type {SVGElement} */ (frame.content.firstElementChild?.cloneNode(true));
    /** @type {Element} */ (svg.querySelector("title")).textContent = `Value portrait of ${name}`;
    /** @type {Element} */ (svg.querySelector("desc")).textContent = geometry.names.map((value, i) => scoreInWords(cells[i], value)).join("; ");
    const scores = cells.map((cell) => (cell ? cell.score : null));
    const tone = muted ? "vp-muted" : "";
    if (reference) svg.append(el("svg:path", { d: outline(reference, at(kind)), class: "vp-reference" }));
    if (kind === "full" && cells.every((cell) => cell && known(cell.low))) {
      const ends = /** @type {const} */ (["high", "low"]).map((end) => outline(cells.map((cell) => cell?.[end] ?? null), at(kind)));
      svg.append(el("svg:path", { d: ends.join(""), class: `vp-band ${tone}` }));
    }
    svg.append(el("svg:path", { d: outline(scores, at(kind)), class: `vp-line ${tone}` }));
    if (kind === "full") {
      table.scales[0].dimensions.forEach((d, i) => {
        const score = scores[i];
        if (score === null) return;
        const [cx, cy] = at(kind)(i, score);
        svg.append(el("svg:circle", { cx, cy, r: 4, fill: d.colour, class: "vp-dot" }));
      });
    }
    return svg;
  }

  const valueCells = (/** @type {Row} */ row) => geometry.names.map((_, i) => cellOf(board(), row, 0, i, state.reading));

  /** Mean of all rows of the board on a scale, in the reading shown: centred, raw, or of matches. @param {number} scale @param {"score" | "raw"} name @returns {Maybe[]} */
  function boardMeans(scale, name) {
    const { means, rows } = board();
    const key = `${scale} ${name} ${state.reading}`;
    means[key] ??= table.scales[scale].dimensions.map((_, i) => {
      const numbers = rows.map((row) => (name === "raw" ? rawOf(board(), row, scale, i)?.raw : cellOf(board(), row, scale, i, state.reading)?.score)).filter(known);
      return numbers.length ? numbers.reduce((sum, x) => sum + x, 0) / numbers.length : null;
    });
    return means[key];
  }

  /**
   * Half the width of the 95 % interval of such a mean. Of ranked rows it was drawn with what they have in common; other
   * rows, and own averages, count in full, so that it is no narrower than it should be.
   * @param {number} scale @param {"score" | "raw"} name @returns {Maybe[]}
   */
  function meanHalves(scale, name) {
    const { means, rows, ranking, match_ranking } = board();
    const ranks = state.reading === "all" ? match_ranking : ranking;
    const key = `half ${scale} ${name} ${state.reading} ${Boolean(ranks?.half)}`;
    means[key] ??= table.scales[scale].dimensions.map((d, i) => {
      let [sum, n] = [0, 0];
      for (const row of rows) {
        const [cell, raw] = [cellOf(board(), row, scale, i, state.reading), name === "raw" ? rawOf(board(), row, scale, i) : null];
        if (!cell || (name === "raw" && !raw)) continue;
        const half = (/** @type {Cell} */ x) => (hasInterval(x) ? (/** @type {number} */ (x.high) - /** @type {number} */ (x.low)) / 2 : NaN);
        const shared = ranks && !ranks.pending && ranks.why?.[row.i] === null ? ranks.half?.[d.name] : null;
        sum += (known(shared) ? shared : half(cell)) + (raw ? half(raw) - half(cell) : 0);
        n += 1;
      }
      return n && Number.isFinite(sum) ? sum / n : null;
    });
    return means[key];
  }

  /* What stands dotted behind each portrait, and what it is. */
  function reference() {
    const { raters, rated_by, rows } = board();
    if (!raters || state.reading === "all") return { profile: boardMeans(0, "score"), words: `mean of the ${plural(rows.length, "model", "models")} here` };
    const n = known(rated_by) ? `${whole(rated_by)} ` : "";
    return { profile: raters, words: `the ${n}people who rated the benchmark’s sentences, scored like a model` };
  }

  // ---- a row's name and tools ----------------------------------------------------------------------------------

  /** @param {Row} row */
  function tools(row) {
    const ticked = state.ticked.includes(row.id);
    const full = !ticked && state.ticked.length >= MOST;
    const pinned = state.pins.includes(row.id);
    const pin = pinned ? "No longer on top" : "Keep on top";
    return el("span", { class: "vp-tools" },
      el("input", { type: "checkbox", checked: ticked, disabled: full, "data-focus": `tick ${row.id}`, "aria-label": `Compare ${row.model}`, title: full ? `At most ${MOST} models can be compared at once` : "Compare",
        onchange: () => act.tick(row.id) }),
      el("button", { type: "button", class: "vp-pin", "aria-pressed": String(pinned), "data-focus": `pin ${row.id}`, "aria-label": `${pin}: ${row.model}`, title: pin, onclick: () => act.pin(row.id) }, pinMark()));
  }

  /** Portrait, name and what is said under it. The portrait opens the row, the name leads to its page. @param {Row} row */
  function who(row) {
    return el("div", { class: "vp-who" },
      tools(row),
      el("button", { type: "button", class: "vp-open", "data-focus": `open ${row.id}`, "aria-expanded": String(state.model === row.id), "aria-label": `Portrait of ${row.model}`, onclick: () => act.choose(row.id) },
        portrait("thumb", row.model, valueCells(row), { muted: row.muted })),
      el("div", null,
        el("a", { class: "vp-model", href: pageOf(row), "data-focus": `name ${row.id}` }, breakable(row.model)),
        el("span", { class: "vp-sub" }, row.developer ? el("span", null, row.developer) : null, badgesOf(row))));
  }

  return { portrait, valueCells, boardMeans, meanHalves, reference, tools, who };
}
