/* Take the test: asks the items and draws the portrait. Everything happens in this page: answers are held in one variable,
   and nothing here stores, sends or puts them into the address. */

import { el } from "../../web/static/elements.js";
import { known, signed } from "../../web/static/numbers.js";
import { outline } from "../../web/static/outline.js";
import { match, nearest, score } from "./short-form.js";

/** @import { Child } from "../../web/static/elements.js" */
/** @import { Item, Options, Scored } from "./short-form.js" */
/** @typedef {{id: string, name: string, muted: boolean, ratings: (number | null)[]}} Model */
/** @typedef {{name: string, meaning: string, colour: string}} Value */
/** @typedef {{values: Value[], width: number, height: number, centre: [number, number], zero: number, unit: number, limit: number}} Drawing */
/** @typedef {Item & {source: string, title: string | null, query: string, text: string, loadings: number[] | null}} Question */
/** @typedef {Options & {reading: "published" | "match", people: string | null, step: number, items: Question[], raters: (number | null)[] | null, models: Model[], phrases: Record<number, string>, flat_below: number, t: number[], drawing: Drawing}} Take */

const MOST = 5;

/** Loadings by resampled people, set by set: their distances come as signed bytes. @param {Take} data @returns {number[][][]} */
function setsOf({ people, step, items }) {
  const bytes = Int8Array.from(window.atob(people ?? ""), (c) => c.charCodeAt(0));
  const each = items.length * 10;
  return Array.from({ length: bytes.length / each }, (_, b) => items.map((item, i) => (item.loadings ?? []).map((a, v) => a + step * bytes[b * each + i * 10 + v])));
}

/**
 * @param {HTMLElement} root
 * @param {HTMLElement} start What stands there until it begins.
 * @param {Take} data
 */
function takeIt(root, start, data) {
  // ---- small helpers -------------------------------------------------------------------------------------------

  const place = (/** @type {number} */ x, /** @type {number} */ reach) => `${((Math.min(reach, Math.max(-reach, x)) / reach + 1) * 50).toFixed(2)}%`;
  const values = data.drawing.values;
  /** @type {(number | null)[]} */
  const answers = data.items.map(() => null);
  let at = 0;
  const answered = () => data.items.map((_, i) => i).filter((i) => answers[i] !== null);
  const matched = data.reading === "match";
  const resampled = matched ? setsOf(data) : [];
  const covered = () => { const seen = new Set(answered().flatMap((i) => data.items[i].values)); return new Set(data.items.flatMap((item) => item.values)).size === seen.size; };

  /** Show a screen, and bring its heading to those who read by ear. @param {...HTMLElement} nodes */
  function show(...nodes) {
    root.replaceChildren(...nodes);
    const heading = /** @type {HTMLElement | null} */ (root.querySelector("[tabindex='-1']"));
    heading?.focus({ preventScroll: true });
    const top = root.getBoundingClientRect().top;
    if (top < 0 || top > window.innerHeight / 2) window.scrollBy(0, top - 12);
  }

  // ---- asking --------------------------------------------------------------------------------------------------

  /** @param {number} i */
  function ask(i) {
    at = i;
    const item = data.items[i];
    const done = answered().length;
    const options = Object.keys(data.phrases).map(Number).sort((a, b) => a - b);
    const radios = options.map((rating) => el("label", { class: "vp-take-option" },
      el("input", { type: "radio", name: "rating", value: String(rating), checked: answers[i] === rating,
        onchange: () => { answers[i] = rating; refresh(); } }),
      el("span", null, data.phrases[rating]),
      el("kbd", { "aria-hidden": "true" }, String(rating))));
    // a pointer has decided; arrow keys, whose clicks count no presses, pass over answers on their way to another one
    for (const label of radios) {
      label.addEventListener("click", (/** @type {MouseEvent} */ event) => { if (event.detail > 0) window.setTimeout(() => { if (at === i) move(1); }, 180); });
    }
    const back = el("button", { type: "button", class: "vp-take-quiet", disabled: i === 0, onclick: () => move(-1) }, "Back");
    const next = el("button", { type: "button", class: "vp-take-button", onclick: () => move(1) });
    const see = el("button", { type: "button", class: "vp-take-quiet", onclick: portrait }, "See my portrait now");
    const bar = el("progress", { max: String(data.items.length), "aria-label": "Items rated" });
    const count = el("span", { class: "vp-take-count" });
    function refresh() {
      const rated = answered().length;
      bar.value = rated;
      count.textContent = `Item ${i + 1} of ${data.items.length}, ${rated} rated`;
      next.textContent = i + 1 < data.items.length ? "Next" : "See my portrait";
      next.disabled = answers[i] === null || (i + 1 === data.items.length && !covered());
      see.hidden = !covered() || i + 1 === data.items.length;
    }
    bar.value = done;
    const question = [
      item.title ? el("p", { class: "vp-take-title" }, item.title) : null,
      ...item.query.split(/\n{2,}/).map((part) => el("p", null, part)),
    ];
    show(el("div", { class: "vp-take-item" },
      el("div", { class: "vp-take-progress" }, bar, count),
      el("h2", { tabindex: "-1", class: "vp-take-heading" }, `Somebody wrote (${item.source})`),
      el("blockquote", { class: "vp-take-query" }, question),
      el("h2", { class: "vp-take-heading" }, "One way to respond"),
      el("blockquote", { class: "vp-take-response" }, item.text),
      el("fieldset", { class: "vp-take-options" }, el("legend", null, "Would you respond like that? This is"), radios),
      el("div", { class: "vp-take-buttons" }, back, next, see),
      el("p", { class: "vp-take-hint" }, "Keys: 1 to 6 answer, ← and → go back and on.")));
    refresh();
  }

  /** @param {1 | -1} step */
  function move(step) {
    if (step > 0 && answers[at] === null) return;
    const to = at + step;
    if (to < 0) return;
    if (to < data.items.length) ask(to);
    else if (covered()) portrait();
  }

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !root.querySelector(".vp-take-item")) return;
    const onRadio = /** @type {HTMLInputElement} */ (event.target).type === "radio";
    if (/^[1-6]$/.test(event.key)) {
      /** @type {HTMLInputElement | null} */ (root.querySelector(`input[value="${event.key}"]`))?.click();
      move(1);
    } else if (!onRadio && event.key === "ArrowLeft") move(-1);
    else if (!onRadio && event.key === "ArrowRight") move(1);
    else if (onRadio && event.key === "Enter") move(1);
    else return;
    event.preventDefault();
  });

  // ---- the portrait --------------------------------------------------------------------------------------------

  /* A person's scores reach farther than a model's, which are means of many answers: the rim stands for `limit`. */
  let limit = 1;

  /** @param {number} spoke @param {number} value */
  function spot(spoke, value) {
    const g = data.drawing;
    const radius = g.zero + g.unit * Math.min(1, Math.max(-1, value / limit)) * g.limit;
    const turn = (2 * Math.PI * spoke) / values.length;
    return [g.centre[0] + radius * Math.sin(turn), g.centre[1] - radius * Math.cos(turn)].map((x) => x.toFixed(2));
  }

  /** @param {Scored} you @param {Scored | null} raters @param {Scored | null} models */
  function drawing(you, raters, models) {
    const svg = el("svg:svg", { viewBox: `0 0 ${data.drawing.width} ${data.drawing.height}`, role: "img", class: "vp-portrait vp-full", "font-size": "14", "aria-labelledby": "take-svg-title" },
      el("svg:title", { id: "take-svg-title" }, "Your value portrait; the table beside it has the numbers"));
    for (const part of document.getElementById("take-frame")?.children ?? []) svg.append(part.cloneNode(true));
    if (models) svg.append(el("svg:path", { d: outline(models.scores, spot), class: "vp-take-models" }));
    if (raters) svg.append(el("svg:path", { d: outline(raters.scores, spot), class: "vp-reference" }));
    if (you.half.every((h) => h !== null)) {
      const ends = [1, -1].map((sign) => outline(you.scores.map((s, i) => (s ?? 0) + sign * (you.half[i] ?? 0)), spot));
      svg.append(el("svg:path", { d: ends.join(""), class: "vp-band" }));
    }
    svg.append(el("svg:path", { d: outline(you.scores, spot), class: "vp-line" }));
    you.scores.forEach((s, i) => {
      if (s === null) return;
      const [x, y] = spot(i, s);
      svg.append(el("svg:circle", { cx: x, cy: y, r: "4", fill: values[i].colour, class: "vp-dot" }));
    });
    return svg;
  }

  /** Answers to some items, in the reading of this form. @param {number[]} ratings @param {number[]} rows */
  function read(ratings, rows) {
    const items = rows.map((i) => data.items[i]);
    if (!matched) return score(items, ratings, data.t);
    const loaded = items.map((item) => ({ query_id: item.query_id, loadings: item.loadings ?? [] }));
    return match(loaded, ratings, resampled.map((set) => rows.map((i) => set[i])), data.t);
  }

  /**
   * Others on the items that were answered; null where a rating is missing.
   * @param {(number | null)[]} ratings
   * @param {number[]} rows
   */
  function scoredOn(ratings, rows) {
    const theirs = rows.map((i) => ratings[i]).filter(known);
    return theirs.length < rows.length ? null : read(theirs, rows);
  }

  /** The mean of models' numbers; scores are sums of ratings, so those of the mean ratings are the mean scores. @param {Model[]} whole @param {number[]} rows @returns {Scored | null} */
  function meanOf(whole, rows) {
    if (!whole.length) return null;
    if (!matched) return scoredOn(data.items.map((_, i) => whole.reduce((a, m) => a + (m.ratings[i] ?? 0), 0) / whole.length), rows);
    const each = whole.map((m) => match(rows.map((i) => ({ query_id: data.items[i].query_id, loadings: data.items[i].loadings ?? [] })), rows.map((i) => m.ratings[i] ?? 0), [], data.t).scores);
    const having = each.filter((scores) => !scores.includes(null));
    return having.length ? { scores: values.map((_, v) => having.reduce((a, scores) => a + (scores[v] ?? 0), 0) / having.length), half: values.map(() => null), reliability: null } : null;
  }

  /** @param {Scored} of @param {number} i @returns {Child} */
  function beside(of, i) {
    const [s, h] = [of.scores[i], of.half[i]];
    return s === null ? "–" : [signed(s), h === null ? null : el("span", null, ` ±${h.toFixed(2)}`)];
  }

  // ---- to keep -------------------------------------------------------------------------------------------------

  /** Hand the visitor a file made here; nothing is asked of any server. @param {string} name @param {string} type @param {string} content */
  function save(name, type, content) {
    const address = URL.createObjectURL(new Blob([content], { type }));
    el("a", { href: address, download: name }).click();
    window.setTimeout(() => URL.revokeObjectURL(address), 10000);
  }

  const LOOKS = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "font-family", "font-size", "text-anchor"];

  /** The drawing as a file that needs no style sheet: every part as it looks now. @param {SVGSVGElement} drawn */
  function picture(drawn) {
    const copy = /** @type {SVGSVGElement} */ (drawn.cloneNode(true));
    const shapes = ":not(title)";
    const parts = copy.querySelectorAll(shapes);
    drawn.querySelectorAll(shapes).forEach((part, i) => {
      const looks = window.getComputedStyle(part);
      parts[i].setAttribute("style", LOOKS.map((name) => `${name}:${looks.getPropertyValue(name).replaceAll('"', "'")}`).join(";"));
    });
    const { width, height } = data.drawing;
    const [side, end] = [32, 12]; // names are wider in another font
    const box = [-side, -end, width + 2 * side, height + 2 * end];
    const [x, y, w, h] = box.map(String);
    copy.querySelector("title")?.after(el("svg:rect", { x, y, width: w, height: h, style: { fill: window.getComputedStyle(document.body).backgroundColor } }));
    copy.setAttribute("viewBox", box.join(" "));
    copy.setAttribute("width", String(2 * box[2]));
    copy.setAttribute("height", String(2 * box[3]));
    return new XMLSerializer().serializeToString(copy);
  }

  /** @param {Scored} you @param {Scored | null} raters @param {Scored | null} models */
  function numbers(you, raters, models) {
    const cell = (/** @type {number | null | undefined} */ x) => (x === null || x === undefined ? "" : String(x));
    const lines = values.map((v, i) => {
      const [s, h] = [you.scores[i], you.half[i]];
      const ends = s === null || h === null ? [null, null] : [s - h, s + h];
      return [v.name, cell(s), ...ends.map(cell), cell(raters?.scores[i]), cell(models?.scores[i])].join(",");
    });
    return ["value,score,low,high,raters,models,reading", ...lines.map((line) => `${line},${data.reading}`), ""].join("\r\n");
  }

  function portrait() {
    const rows = answered();
    const items = rows.map((i) => data.items[i]);
    const ratings = answers.filter(known);
    const you = read(ratings, rows);
    const raters = data.raters ? scoredOn(data.raters, rows) : null;
    const whole = data.models.filter((m) => !m.muted && rows.every((i) => m.ratings[i] !== null));
    const models = meanOf(whole, rows);
    const reach = Math.max(1, ...you.scores.map((s, v) => Math.abs(s ?? 0) + (you.half[v] ?? 0)));
    limit = Math.max(1, Math.ceil(Math.max(...[you, raters, models].flatMap((of) => (of ? of.scores : []).map((s) => Math.abs(s ?? 0))))));
    const table = el("table", { class: "vp-take-table" },
      el("caption", { class: "vp-hidden" }, `Your ${matched ? "match" : "score"} on each value with its 95 % interval, beside the raters and the mean of the models on the same items`),
      el("thead", null, el("tr", null, el("th", { scope: "col" }, "Value"), el("td", { class: "vp-take-axis" }), el("th", { scope: "col" }, "You"), raters ? el("th", { scope: "col" }, "Raters") : null, models ? el("th", { scope: "col" }, "Models") : null)),
      el("tbody", null, values.map((v, i) => {
        const s = you.scores[i];
        const h = you.half[i];
        return el("tr", { title: `${v.name}: ${v.meaning}`, "data-value": v.name },
          el("th", { scope: "row" }, el("span", { class: "vp-mark", style: { background: v.colour } }), v.name),
          el("td", { class: "vp-take-axis" }, s === null ? null : el("span", { class: "vp-whisker vp-long", "aria-hidden": "true", style: { "--s": place(s, reach), "--l": place(s - (h ?? 0), reach), "--h": place(s + (h ?? 0), reach) } })),
          el("td", { "data-score": s === null ? null : String(s), "data-half": h === null ? null : String(h) }, s === null ? "–" : signed(s), el("span", null, s === null ? "" : h === null ? " interval not known" : ` (${signed(s - h)} to ${signed(s + h)})`)),
          raters ? el("td", { class: "vp-take-other" }, beside(raters, i)) : null,
          models ? el("td", { class: "vp-take-other" }, beside(models, i)) : null);
      })));
    const finished = rows.length === data.items.length;
    const drawn = drawing(you, raters, models);
    show(el("div", { class: "vp-take-result" },
      el("h2", { tabindex: "-1" }, "Your portrait"),
      el("p", { class: "vp-take-said" }, said(you)),
      el("div", { class: "vp-take-pair" },
        el("figure", null, drawn,
          el("figcaption", null, matched ? "The ring is 0: nothing to do with the value. " : "The ring is your own average. ", you.half.every((h) => h !== null) ? "Band: 95 % interval. " : "Rate more items to see how wide the interval is. ", raters ? "Dotted: the benchmark’s raters. " : null, models ? `Dashed: mean of ${whole.length} models. ` : null, `All on the same items. The rim is ±${limit}, a wider scale than in the models’ portraits.`)),
        el("div", null, table,
          el("p", { class: "vp-take-hint" }, `${matched ? "Matches: how ratings go with each response’s link to the value among people, a correlation" : "Rating points relative to the own average"}, with 95 % interval; the axis runs from −${reach.toFixed(1)} to +${reach.toFixed(1)}. Higher is not better.`))),
      el("h3", null, "Nearest models"),
      el("p", { id: "take-nearest" }, nearby(items, ratings, whole)),
      el("div", { class: "vp-take-buttons" },
        finished ? null : el("button", { type: "button", class: "vp-take-button", onclick: () => ask(answers.indexOf(null)) }, `Rate ${data.items.length - rows.length} more`),
        el("button", { type: "button", class: "vp-take-quiet", onclick: () => ask(data.items.length - 1 < at ? 0 : at) }, "Change answers"),
        el("button", { type: "button", class: "vp-take-quiet", onclick: anew }, "Start anew")),
      el("p", { class: "vp-take-hint" }, "To keep, made here and sent nowhere: ",
        el("button", { type: "button", class: "vp-link", onclick: () => save("my-value-portrait.svg", "image/svg+xml", picture(drawn)) }, "picture as SVG"), ", ",
        el("button", { type: "button", class: "vp-link", onclick: () => save("my-value-portrait.csv", "text/csv", numbers(you, raters, models)) }, "numbers as CSV"))));
  }

  /** One sentence on what stands out, and no more than that. @param {Scored} you */
  function said(you) {
    const list = (/** @type {string[]} */ names) => (names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}` : names[0]);
    /** @param {(score: number, half: number) => boolean} test */
    const named = (test) => values.filter((_, i) => {
      const [s, h] = [you.scores[i], you.half[i]];
      return s !== null && h !== null && test(s, h);
    }).map((v) => v.name);
    const nothing = 1e-9; // equal ratings differ by rounding errors
    const above = named((s, h) => s - h > nothing);
    const below = named((s, h) => s + h < -nothing);
    if (matched && you.scores.includes(null)) return "You rated everything alike, which goes with no value.";
    if (you.half.every((h) => h === null)) return matched ? "Your ratings vary too little to give an interval." : "You have rated one item a value: too few to give an interval.";
    if (!above.length && !below.length) return `No value is distinguishable from ${matched ? "0" : "your own average"}. With so few items that is the usual outcome.`;
    if (matched) {
      const like = [above.length ? `like people who hold ${list(above)} more` : null, below.length ? `like people who hold ${list(below)} less` : null].filter(Boolean);
      return `On these items you rate ${like.join(", and ")}; the rest is not distinguishable from 0. Each value was looked at alone: among ten, one may stand out by chance, and values that stand out together are often one finding.`;
    }
    const parts = [above.length ? `${list(above)} above your own average` : null, below.length ? `${list(below)} below it` : null].filter(Boolean);
    if (!above.length) parts[0] = `${list(below)} below your own average`;
    return `On these items you put ${parts.join(", and ")}; the rest is not distinguishable from it. Each value was looked at alone: among ten, one may stand out by chance.`;
  }

  /** By scores as published, whatever the reading. @param {Question[]} items @param {number[]} ratings @param {Model[]} whole Models with a rating of each item. */
  function nearby(items, ratings, whole) {
    if (!data.models.length) return "No model of this benchmark is here yet, so there is nothing to compare with.";
    if (whole.length < 2) return "Too few models with a whole profile are here to say which is nearest.";
    const you = score(items, ratings, data.t);
    if (you.reliability === null || you.reliability < data.flat_below) return "Not distinguishable: your profile does not stand out enough from its own uncertainty to look for the nearest model.";
    const theirs = whole.map((m) => ({ name: m.name, ratings: items.map((item) => m.ratings[data.items.indexOf(item)] ?? 0) }));
    const close = nearest(items, ratings, theirs, data);
    if (close.length > MOST || close.length === whole.length) return `Not distinguishable: ${close.length} of ${whole.length} models could be the nearest.`;
    // names, not links: an address that is opened would tell this site which model it was
    const names = close.map((m) => whole[m].name).join(", ");
    const rest = `The other ${whole.length - close.length} are distinguishably farther on these items.`;
    return close.length === 1 ? `On these items the nearest is ${names}. ${rest}` : `One of these is the nearest; which one is not distinguishable: ${names}. ${rest}`;
  }

  function anew() {
    answers.fill(null);
    at = 0;
    show(start);
  }

  start.append(el("button", { type: "button", class: "vp-take-button", id: "take-go", onclick: () => ask(0) }, "Start"));
}

const root = document.getElementById("take");
const start = document.getElementById("take-start");
const text = document.getElementById("take-data")?.textContent;
if (root && start && text) takeIt(root, start, JSON.parse(text));
