/* Terms that open in place, where a script makes the words: by the same notes and the same rule as `terms.py`. */

import { el } from "./elements.js";

/** @import { Child } from "./elements.js" */

/**
 * @param {ParentNode} root Where the notes are.
 * @returns {{marked: (words: string) => Child, opener: (name: string, id: string, words?: string) => Child}}
 */
export function termsOf(root) {
  const notes = /** @type {HTMLElement[]} */ ([...root.querySelectorAll(".vp-note-of-term")]);
  const ids = new Map(notes.flatMap((note) => (note.dataset.forms ?? "").split("|").map((form) => /** @type {[string, string]} */ ([form, note.id]))));
  const forms = [...ids.keys()].sort((a, b) => b.length - a.length).map((form) => form.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const pattern = forms.length ? new RegExp(`([(“]?)(?<![\\w’-])(?<!Value )(${forms.join("|")})(?![\\w’-])([)”.,;:?!]*)`, "gi") : null;

  /** A button that opens a term's note; the words alone where there is no such note. @param {string} name @param {string} id @param {string} [words] */
  const opener = (name, id, words = name) => (notes.some((note) => note.id === id) ? el("button", { type: "button", class: "vp-term", popovertarget: id, "aria-label": words === name ? null : `What ${name} is` }, words) : words);

  /** Words with their terms as buttons, each term once. @param {string} words @returns {Child} */
  function marked(words) {
    const seen = new Set();
    if (!pattern) return words;
    const parts = words.split(pattern); // a term is between what stands right before it and right after it
    return parts.map((part, i) => {
      const id = i % 4 === 2 ? ids.get(part.toLowerCase()) : undefined;
      if (i % 4 && i % 4 !== 2) return null;
      if (i % 4 === 0) return part;
      const [before, after] = [parts[i - 1], parts[i + 1]];
      if (!id || seen.has(id)) return before + part + after;
      seen.add(id);
      return before || after ? el("vp-unbroken", null, before, opener(part, id), after) : opener(part, id);
    });
  }

  return { marked, opener };
}
