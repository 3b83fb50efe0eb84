/* What a row says, in one sentence about one that is there: for who is here for the first time, gone for good once closed. */

import { breakable, el, flat } from "../../web/static/elements.js";
import { figure, signed } from "../../web/static/numbers.js";
import { hasInterval } from "./columns.js";

/** @import { State } from "./address.js" */
/** @import { Columns, Reading } from "./columns.js" */
/** @import { Row } from "./table.js" */
/** @import { termsOf } from "../../web/static/terms.js" */

const KEPT = "vp-first-visit";

/** Which number is the farthest from nothing, of those whose interval does not hold it. @param {(Reading | null)[]} readings @param {number} nothing */
function clearest(readings, nothing) {
  const clear = readings.map((cell, i) => ({ cell, i })).filter(({ cell }) => cell && hasInterval(cell) && (cell.low > nothing || cell.high < nothing));
  return clear.sort((a, b) => Math.abs((b.cell?.value ?? nothing) - nothing) - Math.abs((a.cell?.value ?? nothing) - nothing))[0] ?? null;
}

/**
 * @param {State} state
 * @param {Columns} columns
 * @param {ReturnType<typeof termsOf>} terms
 */
export function firstVisit(state, columns, terms) {
  let closed = false;
  try {
    closed = window.localStorage.getItem(KEPT) === "closed";
  } catch { /* a frame of another origin may have no storage: the line then comes again */ }
  const words = el("span");
  const line = el("p", { class: "vp-first-visit", role: "note", hidden: true }, words,
    el("button", { type: "button", class: "vp-close", "aria-label": "Close this example for good", title: "Close for good", onclick: close }, "×"));

  function close() {
    closed = true;
    line.hidden = true;
    try {
      window.localStorage.setItem(KEPT, "closed");
    } catch { /* as above */ }
    /** @type {HTMLElement | null} */ (document.querySelector('#board [data-focus="search"]'))?.focus({ preventScroll: true });
  }

  /** @param {Row[]} rows In the order shown. */
  function draw(rows) {
    const axis = columns.axis();
    /** @type {{row: Row, cell: Reading, name: string} | null} */
    let example = null;
    for (const row of closed || axis === "raw" || state.practice ? [] : rows) {
      const found = row.muted ? null : clearest(columns.dimensions().map((_, i) => columns.reading(row, i)), 0);
      if (!found?.cell) continue;
      example = { row, cell: found.cell, name: columns.dimensions()[found.i].name };
      break;
    }
    line.hidden = !example;
    if (!example) return;
    const { row, cell, name } = example;
    const between = `between ${signed(cell.low ?? 0)} and ${signed(cell.high ?? 0)} (95 % interval)`;
    const said = axis === "match"
      ? `: its ratings go with ${cell.value > 0 ? "those" : "the opposite of those"} of people who hold ${name} more; for other questions and other people that match, ${signed(cell.value)}, would lie ${between}.`
      : ` rates the responses that stand for ${name} ${figure(Math.abs(cell.value))} points ${cell.value > 0 ? "above" : "below"} its own average; for other questions of the same kind that score, ${signed(cell.value)}, would lie ${between}.`;
    words.replaceChildren(...flat([el("b", null, "How to read a row: "), breakable(row.model), terms.marked(said)]));
  }

  return { line, draw };
}
