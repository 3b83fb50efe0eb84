/* In a copy of plain files: start the board, and let its links lead to the files that stand for the app's pages. */

import { mountBoard } from "./board.js";

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const root = byId("board");
/** @type {{rows: Record<string, string>, pages: string[]}} */
const { rows, pages } = JSON.parse(byId("board-links").textContent);

/**
 * Where an address of the app leads in the copy; null where it leads nowhere. The same rules as `static_copy.py`.
 * @param {string} address
 */
function target(address) {
  const [, path, query, fragment] = /^(?:\.\/)?([^?#]*)(\?[^#]*)?(#.*)?$/.exec(address) || [];
  if (path === undefined || /^[a-z]+:/.test(address) || path.endsWith(".html")) return address; // turned when the copy was made
  const id = new URLSearchParams(query || "").get("id");
  if (path === "") return address.startsWith("#") ? address : `index.html${query || ""}${fragment || ""}`;
  if (path === "model" && id !== null) return rows[id] ?? null;
  const name = new URLSearchParams(query || "").get("name");
  if (path === "value" && name && pages.includes(path)) return /^[\w-]+$/.test(name) ? `value-${name}.html` : null;
  if (pages.includes(path)) return query ? null : `${path}.html${fragment || ""}`;
  const table = /^download\/board\.(csv|json|parquet)$/.exec(path);
  return table ? `data/board.${table[1]}` : null;
}

/** @param {HTMLElement} link */
function turn(link) {
  const address = link.getAttribute("href");
  if (address === null || link.dataset.turned === address) return;
  const there = target(address);
  if (there === null) { link.removeAttribute("href"); return; }
  link.dataset.turned = there;
  link.setAttribute("href", there);
}

function turnAll() {
  for (const link of root.querySelectorAll("a[href]")) turn(/** @type {HTMLElement} */ (link));
}

mountBoard(root, byId("board-data").textContent);
turnAll();
new MutationObserver(turnAll).observe(root, { childList: true, subtree: true, attributes: true, attributeFilter: ["href"] });
