/* The board's words and elements: numbers as readers see them, and elements made of text only.

   Nothing in the data is ever read as HTML: elements come from createElement and textContent. */

const boardWords = (() => {
  "use strict";

  const SVG = "http://www.w3.org/2000/svg";

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
  function keepingFocus(box, drawing) {
    const before = box.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
    drawing();
    if (before) box.querySelector(`[data-focus="${CSS.escape(before)}"]`)?.focus({ preventScroll: true });
  }

  const whole = (n) => n.toLocaleString("en");
  const plural = (n, one, many) => `${whole(n)} ${n === 1 ? one : many}`;
  const known = (x) => x !== null && x !== undefined;

  /* A score: always with its sign, a true minus. */
  function signed(x) {
    const digits = Math.abs(x).toFixed(2);
    return Number(digits) === 0 ? digits : (x < 0 ? "−" : "+") + digits;
  }

  const figure = (x) => (known(x) ? x.toFixed(2).replace("-", "−") : "–");
  const share = (x) => (known(x) ? `${Math.round(x * 100)} %` : "–");
  const percent = (x) => (x === 1 ? "100 %" : x === 0 ? "0 %" : `${Math.min(99.9, x * 100).toFixed(1)} %`);
  const halfWidth = (low, high) => "±" + ((high - low) / 2).toFixed(2);

  /* A name may break after its own separators and nowhere else. */
  const breakable = (name) => name.split(/(?<=[-/_.:])(?=.)/).flatMap((part, i) => (i ? [el("wbr"), part] : [part]));

  return { el, keepingFocus, whole, plural, known, signed, figure, share, percent, halfWidth, breakable };
})();
