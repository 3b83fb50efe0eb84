/* One row in full: in the side panel, under an opened row, in an opened card. Without a row: the mean of all. */

import { breakable, el } from "../../web/static/elements.js";
import { figure, halfWidth, known, percent, plural, share, signed } from "../../web/static/numbers.js";
import { badgesOf, pageOf, valuePage, whisker } from "./cells.js";
import { coverage, coverageInWords, hasInterval, inWords } from "./columns.js";
import { peopleOf } from "./table.js";

/** @import { Child } from "../../web/static/elements.js" */
/** @import { Board, Row, Table } from "./table.js" */
/** @import { termsOf } from "../../web/static/terms.js" */
/** @import { State } from "./address.js" */
/** @import { Columns, Reading } from "./columns.js" */
/** @import { Cells } from "./cells.js" */

/** @param {Row} row */
function styleInWords(row) {
  const said = [];
  if (known(row.most_used)) said.push(`gives rating ${row.most_used} in ${percent(row.most_used_share ?? 0)} of the answers`);
  if (row.agreeing) said.push(`rates ${figure(Math.abs(row.agreeing))} points ${row.agreeing > 0 ? "higher" : "lower"} when “very much like me” stands first`);
  if (row.refused) said.push(`refuses ${percent(row.refused)} of the prompts`);
  return said.join("; ") || null;
}

/** @param {Row} row */
function circleInWords(row) {
  if (!known(row.circle)) return null;
  const range = known(row.circle_low) ? ` (${share(row.circle_low)} to ${share(row.circle_high)})` : "";
  return `${share(row.circle)} of the variance between its values is explained by one wave around the circle${range}; unrelated values would give 22 %`;
}

/** @param {string} ring @param {{words: string}} behind */
function caption(ring, { words }) {
  return el("p", { class: "vp-caption" }, ring, " ", el("span", { class: "vp-dotted", "aria-hidden": "true" }), ` Dotted: ${words}.`);
}

/**
 * @param {Table} table
 * @param {State} state
 * @param {Columns} columns
 * @param {Cells} cells
 * @param {ReturnType<typeof termsOf>} terms
 */
export function boardDetail(table, state, columns, cells, terms) {
  /** @param {[string, Child, string?][]} pairs Each a name, what is said, and the note on the name where it is no form of a term. */
  const listOf = (pairs) => el("dl", null, pairs.filter(([, value]) => known(value)).map(([name, value, note]) => el("div", null, el("dt", null, note ? terms.opener(name, note) : terms.marked(name)), el("dd", null, value))));

  /** @param {string} name @param {(Reading | null)[]} readings */
  function figures(name, readings) {
    return el(
      "table", { class: "vp-figures" },
      el("caption", { class: "vp-hidden" }, `${table.scales[state.scale].name} of ${name}`),
      el("tbody", null, columns.dimensions().map((d, i) => {
        const cell = readings[i];
        return el("tr", { title: inWords(cell, d.name) },
          el("th", { scope: "row" }, el("i", { class: "vp-mark", style: { background: d.colour }, "aria-hidden": "true" }), el("a", { class: "vp-quiet-link", href: valuePage(d.name) }, d.name)),
          el("td", { class: "vp-axis" }, cell ? whisker(cell, { axis: columns.axis(), extra: "vp-long" }) : null),
          el("td", { class: "vp-num" }, cell ? columns.number(cell.value) : "–"),
          el("td", { class: "vp-pm" }, cell && hasInterval(cell) ? halfWidth(cell.low, cell.high) : ""),
          el("td", { class: "vp-n" }, cell && !cell.match ? `n ${cell.n}` : ""));
      })),
    );
  }

  /** Row and people: what of it can be told, with intervals, and where more stands. @param {Row} row @returns {Child} */
  function amongPeople(row) {
    const found = columns.people();
    if (!found || found.pending) return null;
    const x = peopleOf(row, found.like);
    const said = [x ? `Similarity to the raters: ${signed(x.value)} (${signed(x.low)} to ${signed(x.high)}).` : null, columns.nearestInWords(row)];
    const leans = table.contrasts.filter((c) => state.shown.has(c.key) && found.leans[c.key]).map((c) => `${columns.leanInWords(c, row)}.`);
    return [[...said.filter(Boolean), ...(known(found.nearest[row.i]) ? leans : [])].join(" "), " ", el("a", { href: columns.matched() ? "./groups?reading=all" : "./groups" }, "Groups of people")];
  }

  /** @param {Row} row */
  function detail(row) {
    const behind = cells.reference();
    return el(
      "div", { class: "vp-detail" },
      el("div", { class: "vp-picture" },
        el("h2", null, el("a", { href: pageOf(row) }, breakable(row.model))),
        el("p", { class: "vp-sub" }, row.developer ? el("span", null, row.developer) : null, badgesOf(row)),
        row.note ? el("p", { class: "vp-note" }, row.note) : null,
        cells.portrait("full", row.model, cells.valueCells(row), { muted: row.muted, reference: behind.profile }),
        caption(columns.matched() ? "Ring: 0, its ratings have nothing to do with the value. Rim: ±0.5." : "Ring: the model’s own average.", behind)),
      el("div", { class: "vp-facts" },
        figures(row.model, columns.dimensions().map((_, i) => columns.reading(row, i))),
        listOf([
          ["Own average", `${columns.meanInWords(row)} (${table.scales[state.scale].name.toLowerCase()})`],
          .../** @type {[string, Child][]} */ (columns.ranksInWords(row)),
          ["Reliability", known(row.reliability) ? `${figure(row.reliability)} (flat if below 0.5)` : null],
          ["Wording", known(row.wording) ? `${percent(row.wording)} of the items are rated differently when the prompt is reworded` : null, "term-sensitivity-to-wording"],
          ["Order", known(row.order) ? `${percent(row.order)} are rated differently with the answers in reverse order` : null, "term-sensitivity-to-order"],
          ["Style", styleInWords(row), "term-response-style"],
          ["Circle", circleInWords(row), "term-fit-to-the-circle"],
          ["Similarity to people", amongPeople(row)],
          ["Coverage", `${percent(coverage(row))}: ${coverageInWords(row)}`],
          ["Origin", table.origins[row.origin]],
          ["Source", row.source],
          ["Endpoint", row.origin === "published" ? null : row.endpoint],
          ["Revision", row.revision],
          ["Released", row.released],
          ["Row computed", row.date],
        ])),
    );
  }

  function overview() {
    const within = (/** @type {number} */ x, /** @type {number | null} */ half) => (known(half) ? { low: x - half, high: x + half } : { low: null, high: null });
    const { raters, rows, items } = /** @type {Board} */ (state.board);
    /** @param {number} scale @param {"score" | "raw"} name @returns {(Reading | null)[]} */
    const means = (scale, name) => cells.boardMeans(scale, name).map((value, i) => value === null ? null : {
      score: cells.boardMeans(scale, "score")[i] ?? 0, value, ...within(value, cells.meanHalves(scale, name)[i]), n: items[table.scales[scale].dimensions[i].name] ?? 0, ...(columns.matched() ? { match: true } : {}), ...(name === "raw" ? { raw: value } : {}),
    });
    const behind = raters && !columns.matched() ? cells.reference() : null;
    const ring = columns.matched() ? "Ring: 0, ratings have nothing to do with the value. Rim: ±0.5." : "Ring: a model’s own average. Outside: more than that, inside: less.";
    return el(
      "div", { class: "vp-detail" },
      el("div", { class: "vp-picture" },
        el("h2", null, `Mean of ${plural(rows.length, "model", "models")}`),
        el("p", { class: "vp-sub" }, "Point at a row to see its portrait. Click to keep it."),
        cells.portrait("full", "the mean of all models in this table", means(0, "score"), { reference: behind?.profile }),
        behind ? caption(ring, behind) : el("p", { class: "vp-caption" }, ring),
        el("p", { class: "vp-caption" }, `95 % intervals of the mean of these models: other queries${columns.matched() ? " and other people" : ""}, not other models.`)),
      el("div", { class: "vp-facts" }, figures("the mean of all models", means(state.scale, columns.axis() === "raw" ? "raw" : "score"))),
    );
  }

  return { detail, overview };
}
