/* Take it yourself: asks the items, scores the answers, draws the portrait. Everything happens in this page: answers are
   held in one variable, and nothing here stores, sends or puts them into the address.

   `takeIt` holds the computing as pure functions, the same as `leaderboard/short_form.py`; the rest is what one sees. */

const takeIt = (function () {
  "use strict";

  const VALUES = 10;
  const sum = (xs) => xs.reduce((a, b) => a + b, 0);
  const mean = (xs) => sum(xs) / xs.length;

  /* What each answered item adds to each score: items x 10. */
  function weightsOf(items) {
    const n = Array(VALUES).fill(0);
    for (const item of items) for (const v of item.values) n[v] += 1;
    const weights = items.map((item) => n.map((count, v) => (count ? (item.values.includes(v) ? 1 / count : 0) - 1 / items.length : NaN)));
    return { n, weights };
  }

  /* Ratings less the mean of the means of their values. */
  function residualsOf(items, ratings, n) {
    const means = n.map((count, v) => (count ? sum(ratings.filter((_, i) => items[i].values.includes(v))) / count : NaN));
    return ratings.map((x, i) => x - mean(items[i].values.map((v) => means[v])));
  }

  /* Score answers to items. Half widths are null where they cannot be known yet. */
  function score(items, ratings, t) {
    const { n, weights } = weightsOf(items);
    const scores = n.map((count, v) => (count ? sum(ratings.map((x, i) => x * weights[i][v])) : null));
    const freedom = items.length - n.filter(Boolean).length;
    if (freedom < 1) return { scores, half: n.map(() => null), reliability: null };
    const variance = sum(residualsOf(items, ratings, n).map((e) => e * e)) / freedom;
    const queries = new Map();
    items.forEach((item, i) => queries.set(item.query_id, [...(queries.get(item.query_id) || []), i]));
    const se = n.map((count, v) => {
      if (!count) return null;
      const apart = sum(weights.map((w) => w[v] * w[v]));
      const together = sum([...queries.values()].map((rows) => sum(rows.map((i) => weights[i][v])) ** 2));
      return Math.sqrt(variance * Math.max(apart, together));
    });
    const centre = mean(scores);
    const spread = mean(scores.map((s) => (s - centre) ** 2));
    const whole = n.every(Boolean) && spread > 1e-18;
    return {
      scores,
      half: se.map((s) => (s === null ? null : s * t[freedom - 1])),
      reliability: whole ? 1 - mean(se.map((s) => s * s)) / spread : null,
    };
  }

  /* Small seeded generator (mulberry32), numbers from 0 up to 1. */
  function random(seed) {
    let a = seed >>> 0;
    return () => {
      a = (a + 0x6d2b79f5) >>> 0;
      let x = Math.imul(a ^ (a >>> 15), a | 1);
      x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
      return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
    };
  }

  /* Holm's adjusted p-values. */
  function holm(p) {
    const order = p.map((_, i) => i).sort((a, b) => p[a] - p[b]);
    const adjusted = Array(p.length);
    let running = 0;
    order.forEach((i, k) => {
      running = Math.max(running, Math.min(1, p[i] * (p.length - k)));
      adjusted[i] = running;
    });
    return adjusted;
  }

  /* Which respondents may be nearest: [{name, ratings}, ...] with a rating of each item.
     Returns their positions, the nearest first; all of them where nothing can be told. */
  function nearest(items, ratings, others, { seed, draws, alpha }) {
    const all = others.map((_, m) => m);
    const { n, weights } = weightsOf(items);
    const freedom = items.length - n.filter(Boolean).length;
    // even a model that is farther in every draw could not be told from the nearest among so many
    if (!n.every(Boolean) || freedom < 1 || (2 / (draws + 1)) * (others.length - 1) > alpha) return all;
    const blow = Math.sqrt(items.length / freedom);
    const gaps = others.map((other) => {
      const gap = ratings.map((x, i) => x - other.ratings[i]);
      const scores = n.map((_, v) => sum(gap.map((g, i) => g * weights[i][v])));
      return { scores, residuals: residualsOf(items, gap, n).map((e) => e * blow) };
    });
    const squared = gaps.map(({ scores }) => sum(scores.map((s) => s * s)));
    const drawn = gaps.map(() => new Float64Array(draws));
    const next = random(seed);
    const pulled = items.map(() => new Float64Array(VALUES));
    for (let b = 0; b < draws; b += 1) {
      for (const row of pulled) row.fill(0);
      for (let i = 0; i < items.length; i += 1) {
        const row = pulled[Math.floor(next() * items.length)];
        for (let v = 0; v < VALUES; v += 1) row[v] += weights[i][v];
      }
      gaps.forEach(({ scores, residuals }, m) => {
        let total = 0;
        for (let v = 0; v < VALUES; v += 1) {
          let d = scores[v];
          for (let i = 0; i < items.length; i += 1) d += pulled[i][v] * residuals[i];
          total += d * d;
        }
        drawn[m][b] = total;
      });
    }
    const noise = drawn.map((d, m) => mean([...d]) - squared[m]);
    const clean = squared.map((s, m) => s - noise[m]);
    const best = all.reduce((a, m) => (clean[m] < clean[a] ? m : a), 0);
    const rest = all.filter((m) => m !== best);
    const p = rest.map((m) => {
      let nearer = 0;
      for (let b = 0; b < draws; b += 1) {
        if (drawn[m][b] - drawn[best][b] - 2 * (noise[m] - noise[best]) <= 0) nearer += 1;
      }
      return Math.min(1, (2 * (nearer + 1)) / (draws + 1));
    });
    const adjusted = holm(p);
    const close = rest.filter((_, k) => adjusted[k] > alpha);
    return [best, ...close.sort((a, b) => clean[a] - clean[b])];
  }

  return { score, nearest, holm, random };
})();

(function () {
  "use strict";

  const root = document.getElementById("take");
  const text = document.getElementById("take-data");
  if (!root || !text) return;
  const data = JSON.parse(text.textContent);
  const SVG = "http://www.w3.org/2000/svg";
  const MOST = 5;
  const start = document.getElementById("take-start");
  const answers = data.items.map(() => null);
  let at = 0;

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

  function signed(x) {
    const digits = Math.abs(x).toFixed(2);
    return Number(digits) === 0 ? digits : (x < 0 ? "−" : "+") + digits;
  }

  const place = (x, reach) => `${((Math.min(reach, Math.max(-reach, x)) / reach + 1) * 50).toFixed(2)}%`;
  const values = data.drawing.values;
  const answered = () => data.items.map((_, i) => i).filter((i) => answers[i] !== null);
  const covered = () => { const seen = new Set(answered().flatMap((i) => data.items[i].values)); return new Set(data.items.flatMap((item) => item.values)).size === seen.size; };

  /* Show a screen, and bring its heading to those who read by ear. */
  function show(...nodes) {
    root.replaceChildren(...nodes);
    const heading = root.querySelector("[tabindex='-1']");
    if (heading) heading.focus({ preventScroll: true });
    const top = root.getBoundingClientRect().top;
    if (top < 0 || top > window.innerHeight / 2) window.scrollBy(0, top - 12);
  }

  // ---- asking --------------------------------------------------------------------------------------------------

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
      label.addEventListener("click", (event) => { if (event.detail > 0) window.setTimeout(() => { if (at === i) move(1); }, 180); });
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

  function move(step) {
    if (step > 0 && answers[at] === null) return;
    const to = at + step;
    if (to < 0) return;
    if (to < data.items.length) ask(to);
    else if (covered()) portrait();
  }

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !root.querySelector(".vp-take-item")) return;
    if (/^[1-6]$/.test(event.key)) {
      root.querySelector(`input[value="${event.key}"]`).click();
      move(1);
    } else if (event.target.type !== "radio" && event.key === "ArrowLeft") move(-1);
    else if (event.target.type !== "radio" && event.key === "ArrowRight") move(1);
    else if (event.target.type === "radio" && event.key === "Enter") move(1);
    else return;
    event.preventDefault();
  });

  // ---- the portrait --------------------------------------------------------------------------------------------

  /* A person's scores reach farther than a model's, which are means of many answers: the rim stands for `limit`. */
  let limit = 1;

  function spot(spoke, value) {
    const g = data.drawing;
    const radius = g.zero + g.unit * Math.min(1, Math.max(-1, value / limit)) * g.limit;
    const turn = (2 * Math.PI * spoke) / values.length;
    return [g.centre[0] + radius * Math.sin(turn), g.centre[1] - radius * Math.cos(turn)];
  }

  /* Path through scores; strokes end where one is missing. */
  function outline(scores) {
    const gap = scores.findIndex((s) => s === null);
    const order = scores.map((_, i) => (i + Math.max(gap, 0)) % scores.length);
    let pen = "M";
    let path = "";
    for (const i of order) {
      if (scores[i] === null) { pen = "M"; continue; }
      path += pen + spot(i, scores[i]).map((x) => x.toFixed(2)).join(" ");
      pen = "L";
    }
    return path + (gap < 0 ? "Z" : "");
  }

  function drawing(you, raters, models) {
    const svg = el("svg:svg", { viewBox: `0 0 ${data.drawing.width} ${data.drawing.height}`, role: "img", class: "vp-portrait vp-full", "font-size": "14", "aria-labelledby": "take-svg-title" },
      el("svg:title", { id: "take-svg-title" }, "Your value portrait; the table beside it has the numbers"));
    for (const part of document.getElementById("take-frame").children) svg.append(part.cloneNode(true));
    if (models) svg.append(el("svg:path", { d: outline(models.scores), class: "vp-take-models" }));
    if (raters) svg.append(el("svg:path", { d: outline(raters.scores), class: "vp-reference" }));
    if (you.half.every((h) => h !== null)) {
      const ends = [1, -1].map((sign) => outline(you.scores.map((s, i) => s + sign * you.half[i])));
      svg.append(el("svg:path", { d: ends.join(""), class: "vp-band" }));
    }
    svg.append(el("svg:path", { d: outline(you.scores), class: "vp-line" }));
    you.scores.forEach((s, i) => {
      if (s === null) return;
      const [x, y] = spot(i, s);
      svg.append(el("svg:circle", { cx: x.toFixed(2), cy: y.toFixed(2), r: "4", fill: values[i].colour, class: "vp-dot" }));
    });
    return svg;
  }

  /* Others on the items that were answered; null where a rating is missing. */
  function scoredOn(ratings, items, rows) {
    const theirs = rows.map((i) => ratings[i]);
    return theirs.some((x) => x === null) ? null : takeIt.score(items, theirs, data.t);
  }

  function beside(of, i) {
    if (of.scores[i] === null) return "–";
    return [signed(of.scores[i]), of.half[i] === null ? null : el("span", null, ` ±${of.half[i].toFixed(2)}`)];
  }

  // ---- to keep -------------------------------------------------------------------------------------------------

  /* Hand the visitor a file made here; nothing is asked of any server. */
  function save(name, type, content) {
    const address = URL.createObjectURL(new Blob([content], { type }));
    el("a", { href: address, download: name }).click();
    window.setTimeout(() => URL.revokeObjectURL(address), 10000);
  }

  const LOOKS = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "font-family", "font-size", "text-anchor"];

  /* The drawing as a file that needs no style sheet: every part as it looks now. */
  function picture(drawn) {
    const copy = drawn.cloneNode(true);
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
    copy.querySelector("title").after(el("svg:rect", { x, y, width: w, height: h, style: { fill: window.getComputedStyle(document.body).backgroundColor } }));
    copy.setAttribute("viewBox", box.join(" "));
    copy.setAttribute("width", String(2 * box[2]));
    copy.setAttribute("height", String(2 * box[3]));
    return new XMLSerializer().serializeToString(copy);
  }

  function numbers(you, raters, models) {
    const cell = (x) => (x === null || x === undefined ? "" : String(x));
    const lines = values.map((v, i) => {
      const [s, h] = [you.scores[i], you.half[i]];
      const ends = s === null || h === null ? [null, null] : [s - h, s + h];
      return [v.name, cell(s), ...ends.map(cell), cell(raters && raters.scores[i]), cell(models && models.scores[i])].join(",");
    });
    return ["value,score,low,high,raters,models", ...lines, ""].join("\r\n");
  }

  function portrait() {
    const rows = answered();
    const items = rows.map((i) => data.items[i]);
    const ratings = rows.map((i) => answers[i]);
    const you = takeIt.score(items, ratings, data.t);
    const raters = data.raters ? scoredOn(data.raters, items, rows) : null;
    const whole = data.models.filter((m) => !m.muted && rows.every((i) => m.ratings[i] !== null));
    // scores are sums of ratings, so those of the mean ratings are the mean scores
    const models = whole.length ? scoredOn(data.items.map((_, i) => whole.reduce((a, m) => a + m.ratings[i], 0) / whole.length), items, rows) : null;
    const reach = Math.max(1, ...you.scores.map((s, v) => Math.abs(s ?? 0) + (you.half[v] ?? 0)));
    limit = Math.max(1, Math.ceil(Math.max(...[you, raters, models].filter(Boolean).flatMap((of) => of.scores.map(Math.abs)))));
    const table = el("table", { class: "vp-take-table" },
      el("caption", { class: "vp-hidden" }, "Your score on each value with its 95 % interval, beside the raters and the mean of the models on the same items"),
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
          el("figcaption", null, "The ring is your own average. ", you.half.every((h) => h !== null) ? "Band: 95 % interval. " : "Rate more items to see how wide the interval is. ", raters ? "Dotted: the benchmark’s raters. " : null, models ? `Dashed: mean of ${whole.length} models. ` : null, `All on the same items. The rim is ±${limit}, a wider scale than in the models’ portraits.`)),
        el("div", null, table,
          el("p", { class: "vp-take-hint" }, `Rating points relative to the own average, with 95 % interval; the axis runs from −${reach.toFixed(1)} to +${reach.toFixed(1)}. Higher is not better.`))),
      el("h3", null, "Nearest models"),
      el("p", { id: "take-nearest" }, nearby(you, items, ratings, whole)),
      el("div", { class: "vp-take-buttons" },
        finished ? null : el("button", { type: "button", class: "vp-take-button", onclick: () => ask(answers.indexOf(null)) }, `Rate ${data.items.length - rows.length} more`),
        el("button", { type: "button", class: "vp-take-quiet", onclick: () => ask(data.items.length - 1 < at ? 0 : at) }, "Change answers"),
        el("button", { type: "button", class: "vp-take-quiet", onclick: anew }, "Start anew")),
      el("p", { class: "vp-take-hint" }, "To keep, made here and sent nowhere: ",
        el("button", { type: "button", class: "vp-link", onclick: () => save("my-value-portrait.svg", "image/svg+xml", picture(drawn)) }, "picture as SVG"), ", ",
        el("button", { type: "button", class: "vp-link", onclick: () => save("my-value-portrait.csv", "text/csv", numbers(you, raters, models)) }, "numbers as CSV"))));
  }

  /* One sentence on what stands out, and no more than that. */
  function said(you) {
    const list = (names) => (names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}` : names[0]);
    const named = (test) => values.filter((_, i) => you.scores[i] !== null && you.half[i] !== null && test(you.scores[i], you.half[i])).map((v) => v.name);
    const nothing = 1e-9; // equal ratings differ by rounding errors
    const above = named((s, h) => s - h > nothing);
    const below = named((s, h) => s + h < -nothing);
    if (you.half.every((h) => h === null)) return "You have rated one item a value: too few to say how sure any of this is.";
    if (!above.length && !below.length) return "No value is distinguishable from your own average. With so few items that is the usual outcome.";
    const parts = [above.length ? `${list(above)} above your own average` : null, below.length ? `${list(below)} below it` : null].filter(Boolean);
    if (!above.length) parts[0] = `${list(below)} below your own average`;
    return `On these items you put ${parts.join(", and ")}; the rest is not distinguishable from it. Each value was looked at alone: among ten, one may stand out by chance.`;
  }

  function nearby(you, items, ratings, whole) {
    if (!data.models.length) return "No model of this benchmark is here yet, so there is nothing to compare with.";
    if (whole.length < 2) return "Too few models with a whole profile are here to say which is nearest.";
    if (you.reliability === null || you.reliability < data.flat_below) return "Not distinguishable: your profile does not stand out enough from its own uncertainty to look for the nearest model.";
    const theirs = whole.map((m) => ({ name: m.name, ratings: items.map((item) => m.ratings[data.items.indexOf(item)]) }));
    const close = takeIt.nearest(items, ratings, theirs, data);
    if (close.length > MOST || close.length === whole.length) return `Not distinguishable: ${close.length} of ${whole.length} models could be the nearest.`;
    // names, not links: an address that is opened would tell this site which model it was
    const names = close.map((m) => whole[m].name).join(", ");
    const rest = `The other ${whole.length - close.length} are surely farther on these items.`;
    return close.length === 1 ? `On these items the nearest is ${names}. ${rest}` : `One of these is the nearest, and which cannot be told: ${names}. ${rest}`;
  }

  function anew() {
    answers.fill(null);
    at = 0;
    show(start);
  }

  start.append(el("button", { type: "button", class: "vp-take-button", id: "take-go", onclick: () => ask(0) }, "Start"));
})();
