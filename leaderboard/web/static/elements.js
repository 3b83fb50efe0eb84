/* Elements made of text only: nothing in the data is ever read as HTML, all come from createElement and textContent. */

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Node | string | null | undefined | readonly Child[]} Child */

/** @template {string} T @typedef {T extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[T] : T extends `svg:${infer S extends keyof SVGElementTagNameMap}` ? SVGElementTagNameMap[S] : HTMLElement} Made */

/** Children one after the other, without those that are not there. @param {readonly Child[]} children @returns {(Node | string)[]} */
export const flat = (children) => /** @type {any[]} */ (children).flat(Infinity).filter((child) => child !== null && child !== undefined);

/**
 * @template {string} T
 * @param {T} tag A name of HTML, or of SVG after `svg:`.
 * @param {Record<string, any> | null} [attributes] `onclick` and the like listen; of `style` each property is set; null and false are left out.
 * @param {...Child} children
 * @returns {Made<T>}
 */
export function el(tag, attributes, ...children) {
  const node = tag.startsWith("svg:") ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag);
  // a browser that comes back to a page would fill in what was chosen before, whatever the script knows now
  if (tag === "input" || tag === "select") node.setAttribute("autocomplete", "off");
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, v] of Object.entries(value)) /** @type {HTMLElement} */ (node).style.setProperty(key, String(v));
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...flat(children));
  return /** @type {Made<T>} */ (node);
}

/**
 * Draw, and leave the keyboard where it was: on the same control, which may be a new element now.
 * @param {HTMLElement} box
 * @param {() => void} drawing
 */
export function keepingFocus(box, drawing) {
  const active = /** @type {HTMLElement | null} */ (document.activeElement);
  const before = active && box.contains(active) ? active.dataset.focus : null;
  drawing();
  if (before) /** @type {HTMLElement | null} */ (box.querySelector(`[data-focus="${CSS.escape(before)}"]`))?.focus({ preventScroll: true });
}

/** A name may break after its own separators and nowhere else. @param {string} name @returns {Child} */
export const breakable = (name) => name.split(/(?<=[-/_.:])(?=.)/).flatMap((part, i) => (i ? [el("wbr"), part] : [part]));

/** What an event came from. @param {Event} event */
export const targetOf = (event) => /** @type {HTMLElement} */ (event.target);
