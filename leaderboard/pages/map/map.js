/* The map, with a pointer or a keyboard: a name in the list shows its dot, a dot shows its name. Without this script
   dots still have titles and links. */

import { el, targetOf } from "../../web/static/elements.js";

/** @param {string} selector @returns {(HTMLElement | SVGElement)[]} */
const all = (selector) => [...document.querySelectorAll(selector)].map((node) => /** @type {HTMLElement | SVGElement} */ (node));
/** @type {Map<string | undefined, SVGElement[]>} */
const dots = new Map();
for (const dot of all(".vp-map-dot")) dots.set(dot.dataset.row, [...(dots.get(dot.dataset.row) ?? []), /** @type {SVGElement} */ (dot)]);
const lines = new Map(all(".vp-map-list li").map((line) => [line.dataset.row, line]));
/** @type {string | null} */
let pointed = null;

/** @param {SVGElement} dot @param {string} text */
function name(dot, text) {
  const svg = dot.ownerSVGElement;
  const circle = dot.querySelector("circle");
  if (!svg || !circle) return;
  const x = circle.cx.baseVal.value;
  const far = x > svg.viewBox.baseVal.width * 0.6;
  svg.append(el("svg:text", {
    class: "vp-map-tip", x: x + (far ? -1 : 1) * (circle.r.baseVal.value + 7), y: circle.cy.baseVal.value + 4.5,
    "text-anchor": far ? "end" : "start", "aria-hidden": "true",
  }, text));
}

/** @param {string | null} row */
function point(row) {
  if (row === pointed) return;
  for (const old of document.querySelectorAll(".vp-map-tip")) old.remove();
  for (const old of document.querySelectorAll(".vp-pointed")) old.classList.remove("vp-pointed");
  pointed = row;
  const line = lines.get(row ?? undefined);
  if (!line) return;
  line.classList.add("vp-pointed");
  for (const dot of dots.get(row ?? undefined) ?? []) {
    dot.classList.add("vp-pointed");
    name(dot, line.querySelector("a")?.textContent ?? "");
  }
}

for (const box of document.querySelectorAll(".vp-map-svg, .vp-map-list ul, .vp-map-table")) {
  const rowOf = (/** @type {Event} */ event) => /** @type {HTMLElement | null} */ (targetOf(event).closest("[data-row]"))?.dataset.row ?? null;
  box.addEventListener("pointerover", (event) => point(rowOf(event)));
  box.addEventListener("pointerleave", () => point(null));
  box.addEventListener("focusin", (event) => point(rowOf(event)));
  box.addEventListener("focusout", () => point(null));
}
