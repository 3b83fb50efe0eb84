/* What stands above the table: lead, controls, filters in use, notice, legend. */

import { el, flat, keepingFocus } from "../../web/static/elements.js";
import { figure, known, plural, share, signed, whole } from "../../web/static/numbers.js";
import { CHOICES, fields, measured, noFilters, practised, toggle } from "./address.js";
import { whisker } from "./cells.js";
import { descendsFirst, RANKS } from "./columns.js";
import { chips as chipsOf, counts, NAMES, SAYS } from "./rows.js";

/** @import { Child } from "../../web/static/elements.js" */
/** @import { termsOf } from "../../web/static/terms.js" */
/** @import { Table } from "./table.js" */
/** @import { State } from "./address.js" */
/** @import { Actions } from "./board.js" */
/** @import { Column, Columns, Media } from "./columns.js" */
/** @import { Listed } from "./rows.js" */
/** @typedef {() => Child} Builder */

const LONG = 12;
const SHOWN = 150;

/** @param {string} title @param {...Child} children */
const section = (title, ...children) => el("fieldset", { class: "vp-choices" }, el("legend", null, title), children);

/** @param {...Child} children */
const key = (...children) => el("span", { class: "vp-key" }, children);

/**
 * @param {string} label
 * @param {string} words
 * @param {boolean} checked
 * @param {(on: boolean) => void} onchange
 * @param {{disabled?: boolean, title?: string | null, count?: number | null}} [more]
 */
function tickBox(label, words, checked, onchange, { disabled = false, title = null, count = null } = {}) {
  const box = el("input", { type: "checkbox", checked, disabled, "data-focus": label, onchange: () => onchange(box.checked) });
  return el("label", { title }, box, el("span", null, words), count === null ? null : el("span", { class: "vp-number" }, whole(count)));
}

/** @param {string} name @param {[string, string, number?][]} options @param {string} chosen @param {(value: string) => void} onchange */
function radio(name, options, chosen, onchange) {
  return options.map(([value, words, count]) => {
    const box = el("input", { type: "radio", name: `vp-${name}`, checked: value === chosen, "data-focus": `${name} ${value}`, onchange: () => onchange(value) });
    return el("label", null, box, el("span", null, words), count === undefined ? null : el("span", { class: "vp-number" }, whole(count)));
  });
}

/** @param {string} label @param {string[]} options @param {number} chosen @param {(i: number) => void} choose */
function segmented(label, options, chosen, choose) {
  return el("div", { class: "vp-segmented", role: "group", "aria-label": label },
    options.map((name, i) => el("button", { type: "button", "aria-pressed": String(i === chosen), "data-focus": `${label} ${i}`, onclick: () => choose(i) }, name)));
}

/**
 * @param {Table} table
 * @param {State} state
 * @param {Media} media
 * @param {Columns} columns
 * @param {Actions} act
 * @param {ReturnType<typeof termsOf>} terms
 * @param {HTMLElement} first The line for a first visit.
 */
export function boardControls(table, state, media, columns, act, terms, first) {
  const lead = el("header", { class: "vp-lead" });
  const controls = el("div", { class: "vp-controls" });
  const chips = el("div", { class: "vp-chips", role: "group", "aria-label": "Filters in use" });
  const notice = el("p", { class: "vp-notice", role: "note" });
  const legend = el("div", { class: "vp-legend" });

  function drawLead() {
    const { board } = state;
    /** @type {import("../../web/static/elements.js").Child[]} */
    const line = [];
    if (board) {
      line.push(`${board.name}, version ${board.version}`, `digest ${board.digest.slice(0, 8)}`);
      line.push(plural(board.rows.length, "model", "models"));
      line.push(board.mode === "constrained" ? "answers constrained to the six phrases" : "free-text answers");
      const newest = board.rows.map((row) => row.date).sort().at(-1);
      if (newest) line.push(el("a", { href: "./news" }, `last row ${newest}`));
    }
    lead.replaceChildren(
      el("h1", null, "What language models put first"),
      el("p", { class: "vp-says" }, columns.matched()
        ? "Each row is one model’s portrait, drawn from how it rates everyday sentences: like people who hold a value more, or like people who hold it less. "
        : "Each row is one model’s portrait, drawn from how it rates everyday sentences: what it rates above and what below its own average. ",
        "It says nothing about how a model acts. No value is better than another."),
      el("p", null, line.flatMap((said, i) => (i ? [" · ", said] : [said]))));
  }

  // ---- menus: built when they are opened, renewed while they are open ------------------------------------------

  /** @type {Set<string>} */
  const open = new Set();
  /** @type {(() => void)[]} */
  let renewals = [];

  /** @param {string} name @param {Builder} build */
  function menu(name, build) {
    const sheet = el("div", { class: "vp-sheet" });
    const draw = () => keepingFocus(sheet, () => sheet.replaceChildren(...flat([build()])));
    const box = el("details", { class: `vp-menu vp-menu-${name.toLowerCase()}`, open: open.has(name) }, el("summary", { "data-focus": `menu ${name}` }, name), sheet);
    if (box.open) draw();
    box.addEventListener("toggle", () => {
      if (box.open === open.has(name)) return;
      open[box.open ? "add" : "delete"](name);
      if (box.open) draw();
    });
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !box.open) return;
      box.open = false;
      /** @type {HTMLElement | null} */ (box.querySelector("summary"))?.focus();
    });
    renewals.push(() => { if (box.open) draw(); });
    return box;
  }

  // ---- filters -------------------------------------------------------------------------------------------------

  /** @type {Record<string, string>} */
  const narrowed = {};
  /** @param {"developer" | "family" | "origin"} name */
  function several(name) {
    const choices = counts(state, name, table.collator);
    if (!choices.length) return null;
    const chosen = state.filters[name];
    const part = (narrowed[name] || "").toLowerCase();
    const found = choices.filter(([value]) => chosen.has(value) || value.toLowerCase().includes(part));
    const title = NAMES[name];
    const box = choices.length > LONG
      ? el("input", { type: "search", class: "vp-narrow", placeholder: `Find in ${whole(choices.length)}`, "aria-label": `Find: ${title}`, "data-focus": `find ${name}`, oninput: (/** @type {Event} */ event) => { narrowed[name] = /** @type {HTMLInputElement} */ (event.target).value; drawSheets(); } })
      : null;
    if (box) box.value = narrowed[name] ?? "";
    return section(title, box, el("div", { class: "vp-scroll" },
      found.slice(0, SHOWN).map(([value, n]) => tickBox(`${name} ${value}`, value, chosen.has(value), () => act.narrow(() => toggle(chosen, value)), { count: n })),
      found.length > SHOWN ? el("p", null, `and ${whole(found.length - SHOWN)} more`) : null));
  }

  /** @param {"weights" | "reliable" | "parameters"} name @param {string} any */
  function either(name, any) {
    const found = new Map(counts(state, name, table.collator));
    const options = CHOICES[name].map((value) => /** @type {[string, string, number]} */ ([value, SAYS[value], found.get(value) || 0]));
    return section(NAMES[name], radio(name, [["", any], ...options], state.filters[name] || "", (value) => act.narrow(() => { state.filters[name] = value || null; })));
  }

  /** @param {string} title @param {"number" | "date"} type @param {["size_min" | "size_max" | "since" | "until" | "released_since" | "released_until", string][]} ends */
  function range(title, type, ends) {
    return section(title, el("div", { class: "vp-range" }, ends.map(([name, words]) => {
      const box = el("input", { type, "data-focus": name, ...(type === "number" ? { min: "0", step: "any", inputmode: "decimal" } : {}),
        onchange: () => act.narrow(() => Object.assign(state.filters, { [name]: box.value === "" ? null : type === "number" ? Math.max(0, Number(box.value)) : box.value })) });
      box.value = String(state.filters[name] ?? "");
      return el("label", null, el("span", null, words), box);
    })));
  }

  const filters = () => [
    el("div", { class: "vp-filters" },
      several("developer"), several("family"),
      el("div", null, either("weights", "any"), either("reliable", "any"), either("parameters", "any"), several("origin")),
      el("div", null,
        range("Size, billion parameters", "number", [["size_min", "from"], ["size_max", "to"]]),
        range("Released", "date", [["released_since", "from"], ["released_until", "to"]]),
        range("Date of the row", "date", [["since", "from"], ["until", "to"]]),
        state.board?.rows.some((row) => row.size === null || row.released === null) ? el("p", null, "Models whose size, or release, is not known are left out when one is asked for.") : null)),
  ];

  // ---- columns, view, export -----------------------------------------------------------------------------------

  /** @param {Column} column */
  function check(column) {
    const set = column.extra ? state.shown : state.hidden;
    return tickBox(`column ${column.key}`, column.title, columns.isShown(column), () => act.change(() => { toggle(set, column.key); columns.settle(); }), { title: column.hint });
  }

  function columnChoices() {
    const all = columns.all().slice(1);
    const ranked = Boolean(columns.ranking());
    const ranks = tickBox("column ranks", "Rank intervals, under each value", columns.ranksShown(), () => act.change(() => toggle(state.shown, RANKS)),
      { disabled: !ranked, title: ranked ? null : "Rank intervals are computed where rows can be ranked." });
    return el("div", { class: "vp-filters" },
      section(table.scales[state.scale].name, all.filter((c) => c.kind === "score").map(check), ranks),
      el("div", null, section("About the row", all.filter((c) => c.kind !== "score" && c.kind !== "above" && !c.people).map(check))),
      section("Above which share of the raters", all.filter((c) => c.kind === "above").map(check)),
      section("Comparison with people", all.filter((c) => c.people).map(check)));
  }

  function tablePicker() {
    const choices = state.practice ? practised(table) : measured(table);
    if (choices.length < 2) return null;
    const box = el("select", { "data-focus": "table", onchange: () => act.show(choices[box.selectedIndex]) },
      choices.map((board) => el("option", { selected: board === state.board }, `${board.name} ${board.digest.slice(0, 8)}, ${board.mode}, protocol ${board.protocol}`)));
    return el("label", { class: "vp-pick" }, el("span", null, "Table"), box);
  }

  function sortPicker() {
    const ends = (/** @type {Column} */ column) => (column.key === "date" || column.key === "released" ? ["oldest first", "newest first"] : descendsFirst(column) ? ["smallest first", "largest first"] : ["A to Z", "Z to A"]);
    const box = el("select", { "data-focus": "sort", onchange: () => { const [key, order] = box.value.split("|"); act.sortBy(key, order === "down"); } },
      columns.all().filter(columns.isShown).flatMap((column) => ends(column).map((words, i) =>
        el("option", { value: `${column.key}|${i ? "down" : "up"}`, selected: state.sort === column.key && state.down === Boolean(i) }, `${column.title}, ${words}`))));
    return el("label", { class: "vp-pick" }, el("span", null, "Sort by"), box);
  }

  function practiceSwitch() {
    const n = practised(table).reduce((sum, board) => sum + board.n, 0);
    return el("button", { type: "button", class: "vp-switch", role: "switch", "aria-checked": String(state.practice), "data-focus": "practice", onclick: () => {
      state.practice = !state.practice;
      act.show((state.practice ? practised(table) : measured(table))[0] || null);
    } }, el("i", { "aria-hidden": "true" }), `Practice runs (${n})`);
  }

  const viewChoices = () => [
    section("Group rows", radio("group", [["", "none"], ["developer", "by developer"], ["family", "by family"]], state.group || "", (value) => act.change(() => { state.group = value === "developer" || value === "family" ? value : null; }))),
    section("Numbers", radio("numbers", [["centred", "against the model’s own average"], ["raw", "mean ratings, 1 to 6"]], state.raw ? "raw" : "centred", (value) => act.change(() => { state.raw = value === "raw"; })),
      columns.matched() ? el("p", null, "Both are numbers of the reading as published; all items are read as a correlation.") : null,
      tickBox("intervals", "95 % intervals", state.intervals, (on) => act.change(() => { state.intervals = on; }))),
    section("Rows", tablePicker(), practiceSwitch()),
  ];

  /** @param {string} kind @param {string} words */
  function download(kind, words) {
    return el("a", { href: `./download/board.${kind}?${new URLSearchParams(fields(state, table))}`, download: "" }, words);
  }

  const exports = () => [
    section("This table, as filtered", download("csv", "CSV"), download("json", "JSON"), download("parquet", "Parquet"), el("a", { href: `./about${columns.matched() ? "?reading=all" : ""}#cite` }, "How to cite it")),
  ];

  function copyButton() {
    const button = el("button", { type: "button", class: "vp-copy-link", "data-focus": "copy", onclick: async () => {
      try {
        await navigator.clipboard.writeText(window.location.href);
        act.say("The link is copied.");
        button.textContent = "Copied";
      } catch {
        button.textContent = "Copy the address above";
      }
      window.setTimeout(() => { button.textContent = "Copy link"; }, 2500);
    } }, "Copy link");
    return button;
  }

  function searchBox() {
    const box = el("input", { type: "search", placeholder: "Search models", "aria-label": "Search models and developers", "aria-keyshortcuts": "/", title: "Press / to search", "data-focus": "search",
      oninput: () => { state.search = box.value; act.update(); } });
    box.value = state.search;
    return box;
  }

  function drawControls() {
    renewals = [];
    const scales = segmented("Scale", table.scales.map((scale) => scale.name), state.scale, (i) => act.change(() => { state.scale = i; columns.settle(); }));
    const reading = el("div", { class: "vp-reading" }, el("span", null, terms.opener("Reading", "term-reading", "Reading")),
      segmented("Reading", ["as published", "all items"], Number(columns.matched()), (i) => act.change(() => { state.reading = i ? "all" : "published"; drawLead(); act.say(i ? "Reading: all items." : "Reading: as published."); })));
    const parts = media.narrow.matches
      ? [scales, reading, searchBox(), menu("Options", () => [section("Order", sortPicker()), viewChoices(), filters(), columnChoices(), exports(), copyButton()])]
      : [scales, reading, searchBox(), menu("Filters", filters), menu("Columns", columnChoices), menu("View", viewChoices), menu("Export", exports), copyButton()];
    keepingFocus(controls, () => controls.replaceChildren(...parts));
  }

  const drawSheets = () => { for (const renew of renewals) renew(); };

  // ---- what is in use ------------------------------------------------------------------------------------------

  /** @param {Listed} listed */
  function drawChips(listed) {
    const made = chipsOf(state.filters);
    chips.hidden = !made.length && !state.pins.length;
    if (chips.hidden) return;
    const total = state.board ? state.board.rows.length : 0;
    /** @param {string} words @param {string} says @param {() => void} remove */
    const chip = (words, says, remove) => el("button", { type: "button", class: "vp-chip", "aria-label": says, "data-focus": words, onclick: () => act.narrow(remove) }, words, el("span", { "aria-hidden": "true" }, "×"));
    const pins = state.pins.length ? [chip(plural(state.pins.length, "row on top", "rows on top"), "No rows on top any more", () => { state.pins = []; })] : [];
    keepingFocus(chips, () => chips.replaceChildren(
      ...(made.length ? [el("span", null, `${whole(listed.found)} of ${plural(total, "model", "models")}`)] : []),
      ...made.map((one) => chip(one.words, `Remove filter ${one.words}`, one.remove)),
      ...pins,
      ...(made.length ? [el("button", { type: "button", class: "vp-link", "data-focus": "clear", onclick: () => act.narrow(() => { state.filters = noFilters(); }) }, "Clear all")] : [])));
  }

  function drawNotice() {
    notice.hidden = !state.practice;
    notice.textContent = "These rows show how a run works. Their questions were made up for practice and their values mean nothing.";
  }

  // ---- legend --------------------------------------------------------------------------------------------------

  /* Who was asked, and what the numbers among people do not say: one click away. */
  function caveats() {
    const found = columns.people();
    if (!found) return el("p", { class: "vp-places" }, table.no_people);
    if (found.pending) return el("p", { class: "vp-places" }, "The comparison with people is being computed.");
    const { groups_from: groups, raters_from: raters, caveats: said } = found;
    return el("details", { class: "vp-places" },
      el("summary", null, "Comparison with people: who was asked, and what must not be concluded"),
      el("dl", null,
        [["Groups", `${groups.title}. ${groups.about} ${whole(groups.n)} people.`], ["Raters", `${raters.title}. ${raters.about} ${whole(raters.n)} people.`],
          ["Where", said.europe], ["Similarity", `${said.shape} The same people’s two profiles, from the benchmark and the questionnaire, agree at ${signed(said.ceiling)}.`], ["Lean", said.confounding], ["Noise", said.noise], ["Key", said.raters], ["Reading", said.reading], ["Benchmark", said.benchmark]]
          .filter(([, words]) => words).map(([term, words]) => el("div", null, el("dt", null, term), el("dd", null, words)))),
      el("a", { href: columns.matched() ? "./groups?reading=all" : "./groups" }, "All groups"));
  }

  /* What the reading on all items says and what not, and how far columns tell models apart. */
  function readingInWords() {
    const { board } = state;
    const found = board?.columns?.[columns.matched() ? "match" : "published"];
    const said = [];
    if (board?.columns && found && media.narrow.matches) {
      const weak = columns.all().filter((column) => columns.carries(column)?.weak).map((column) => `${column.title} (${figure(columns.carries(column)?.queries)}; ${columns.carries(column)?.interval})`);
      if (weak.length) said.push(`Cannot tell these models apart, by their reliability between ${plural(board.columns.models, "model", "models")}: ${weak.join(", ")}.`);
    } else if (board?.columns && found) said.push(`Under each heading: how far the column orders ${plural(board.columns.models, "model", "models")} alike in both halves of the queries (reliability, 1 at most, with its interval). † below 0.50: it cannot tell these models apart.`);
    if (!columns.matched()) return said.length ? [el("p", { class: "vp-places" }, said.map(terms.marked))] : [];
    if (!board?.match) return [el("p", { class: "vp-places" }, "No row of this table has a match on all items: people’s ratings of its benchmark are not available here, or the rows were made before there were matches.")];
    if (board.match.pending) return [el("p", { class: "vp-places" }, "The matches of this many rows are being loaded.")];
    const { shared } = board;
    const people = "A match says whose ratings a model’s resemble: people who hold the value more (+) or less (−). It does not depend on how high or how widely a model rates. Templates of different values overlap, so ten matches are not ten separate findings.";
    const folds = (/** @type {Child[]} */ ...children) => (media.narrow.matches ? el("details", { class: "vp-places" }, el("summary", null, "What this reading says, and what not"), el("p", null, children)) : el("p", { class: "vp-places" }, children));
    const line = shared && known(shared.along_common[0])
      ? ` Among the ${shared.models} released models ${share(shared.along_common[0])} (interval ${share(shared.along_common[1])} to ${share(shared.along_common[2])}) of the variance lies along one common profile: they differ mostly in how strongly they show it, which is no value in itself. ${shared.own ? `A profile of its own beside it can be shown for ${whole(shared.own)} of them.` : "A profile of its own beside it can be shown for none of them."}`
      : "";
    return [folds(terms.marked(`${people}${line} ${said.join(" ")} `), el("a", { href: "./benchmark#readings" }, "How both readings compare"))];
  }

  function drawLegend() {
    const measured_ = columns.matched() ? state.board?.match?.scales?.[state.scale] : state.board?.scales[state.scale].dimensions;
    const told = state.intervals && measured_?.some((d) => d.low.some((x) => x !== null));
    const swatches = el("span", { class: "vp-scale", "aria-hidden": "true" }, [-1, -0.5, 0, 0.5, 1].map((score) => el("i", { "data-side": score < 0 ? "below" : "above", style: { "--t": String(Math.abs(score)) } })));
    const axis_ = columns.axis();
    const says = axis_ === "match"
      ? "how the model’s ratings of all responses go with each response’s link to the value among people: a correlation, 0 for nothing to do with it."
      : axis_ === "raw"
      ? "the model’s mean rating of this value’s items, 1 to 6; the colour: below or above its own average."
      : "how far the model rates this value’s items below or above its own average, in points of a 6-point scale.";
    const axis = axis_ === "match" ? "and ±: 95 % interval, other queries and other people; axis from −0.5 to +0.5, tick at 0" : axis_ === "raw" ? "interval (95 % or more), axis from 1 to 6, tick at 3.5" : "and ±: 95 % interval, axis from −1 to +1, tick at 0";
    const example = axis_ === "match" ? { value: 0.05, low: -0.17, high: 0.27 } : axis_ === "raw" ? { value: 4, low: 3.1, high: 4.9 } : { value: 0.1, low: -0.35, high: 0.55 };
    const parts = media.narrow.matches
      ? [el("span", null, terms.marked(axis_ === "match" ? `Each bar, from −0.5 to +0.5: ${says}${told ? " Line: 95 % interval." : ""}` : `Each bar, from −1 to +1: how far the model rates this value’s items below or above its own average, in points of a 6-point scale.${told ? " Line: 95 % interval." : ""}`))]
      : [el("span", null, terms.marked(`Each number: ${says}`)), axis_ === "match" ? key("−0.5", swatches, "+0.5") : key("−1", swatches, "+1"), told ? key(whisker(example, { axis: axis_ }), el("span", null, terms.marked(axis))) : null];
    legend.replaceChildren(.../** @type {Node[]} */ (parts.filter(Boolean)), el("a", { href: "about#reading" }, "How to read this"),
      ...readingInWords(),
      ...(columns.ranksShown() && !media.narrow.matches ? [el("p", { class: "vp-places" }, terms.marked(columns.ranksSummary()))] : []),
      ...(columns.peopleShown() ? [caveats()] : []));
  }

  function draw() {
    drawLead();
    drawControls();
    drawNotice();
    drawLegend();
  }

  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || /** @type {Element} */ (event.composedPath()[0]).closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]")) return;
    event.preventDefault();
    /** @type {HTMLInputElement | null} */ (controls.querySelector('[data-focus="search"]'))?.select();
  });

  document.addEventListener("click", (event) => {
    // what was clicked may have been drawn anew since, so the path tells where it was
    const path = event.composedPath();
    for (const box of /** @type {NodeListOf<HTMLDetailsElement>} */ (controls.querySelectorAll("details[open]"))) if (!path.some((node) => /** @type {Element} */ (node).className === box.className)) box.open = false;
  });

  return { parts: [lead, first, controls, chips, notice, legend], draw, drawControls, drawSheets, drawChips, drawLegend };
}
