/* The map, with a pointer or a keyboard: a name in the list shows its dot, a dot shows its name. Without this script
   dots still have titles and links. */

(function () {
  "use strict";

  const SVG = "http://www.w3.org/2000/svg";
  const dots = new Map();
  for (const dot of document.querySelectorAll(".vp-map-dot")) {
    const of = dots.get(dot.dataset.row) || [];
    of.push(dot);
    dots.set(dot.dataset.row, of);
  }
  const lines = new Map([...document.querySelectorAll(".vp-map-list li")].map((line) => [line.dataset.row, line]));
  let pointed = null;

  function name(dot, text) {
    const svg = dot.ownerSVGElement;
    const circle = dot.querySelector("circle");
    const x = circle.cx.baseVal.value;
    const far = x > svg.viewBox.baseVal.width * 0.6;
    const tip = document.createElementNS(SVG, "text");
    tip.setAttribute("class", "vp-map-tip");
    tip.setAttribute("x", x + (far ? -1 : 1) * (circle.r.baseVal.value + 7));
    tip.setAttribute("y", circle.cy.baseVal.value + 4.5);
    tip.setAttribute("text-anchor", far ? "end" : "start");
    tip.setAttribute("aria-hidden", "true");
    tip.textContent = text;
    svg.append(tip);
  }

  function point(row) {
    if (row === pointed) return;
    for (const old of document.querySelectorAll(".vp-map-tip")) old.remove();
    for (const old of document.querySelectorAll(".vp-pointed")) old.classList.remove("vp-pointed");
    pointed = row;
    const line = lines.get(row);
    if (!line) return;
    line.classList.add("vp-pointed");
    for (const dot of dots.get(row) || []) {
      dot.classList.add("vp-pointed");
      name(dot, line.querySelector("a").textContent);
    }
  }

  for (const box of document.querySelectorAll(".vp-map-svg, .vp-map-list ul, .vp-map-table")) {
    const rowOf = (event) => event.target.closest("[data-row]")?.dataset.row ?? null;
    box.addEventListener("pointerover", (event) => point(rowOf(event)));
    box.addEventListener("pointerleave", () => point(null));
    box.addEventListener("focusin", (event) => point(rowOf(event)));
    box.addEventListener("focusout", () => point(null));
  }
})();
