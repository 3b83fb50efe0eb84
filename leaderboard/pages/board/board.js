/* The board: one table of one benchmark, drawn from the JSON text that came with the page.

   What the visitor chooses stands in the address (`address.js`). Missing numbers stand last in every order. Here the parts are
   put together, and here is what visitors do to them. */

import { el } from "../../web/static/elements.js";
import { plural } from "../../web/static/numbers.js";
import { termsOf } from "../../web/static/terms.js";
import { fields, noFilters, parse, withFields } from "./address.js";
import { badgeTip, boardCells } from "./cells.js";
import { boardColumns } from "./columns.js";
import { boardControls } from "./controls.js";
import { boardDetail } from "./detail.js";
import { firstVisit } from "./first-visit.js";
import { readTable } from "./table.js";
import { tableView } from "./table-view.js";

/** @import { Board } from "./table.js" */
/** @import { Listed } from "./rows.js" */
/**
 * @typedef {object} Actions What the parts ask for when a visitor does something.
 * @property {() => Listed} update Draw the rows anew and write the address.
 * @property {(doing: () => void) => void} change Do something that changes controls, too.
 * @property {(doing: () => void) => void} narrow Do something to the filters.
 * @property {(board: Board | null) => void} show Show another table.
 * @property {(key: string, down: boolean) => void} sortBy
 * @property {(id: string) => void} choose Open a row, or close it.
 * @property {(id: string) => void} pin
 * @property {(id: string) => void} tick
 * @property {(words: string) => void} say Say it to those who read by ear.
 */

/**
 * Draw the board.
 * @param {HTMLElement} root Where; it holds the templates of the drawings and the notes of terms.
 * @param {string} text The data, see `table.js`.
 */
export function mountBoard(root, text) {
  const data = readTable(text);
  const state = parse(window.location.search, data);
  const query = (/** @type {string} */ words) => window.matchMedia(words);
  const media = { wide: query("(min-width: 1360px)"), roomy: query("(min-width: 1560px)"), tight: query("(max-width: 1259px)"), narrow: query("(max-width: 1099px)") };
  /** @type {Actions} */
  const act = { update, change, narrow, show, sortBy, choose, pin, tick, say };
  const columns = boardColumns(data, state, media);
  columns.settle();
  const cells = boardCells(root, data, state, act);
  const terms = termsOf(root);
  const first = firstVisit(state, columns, terms);
  const controls = boardControls(data, state, media, columns, act, terms, first.line);
  const table = tableView(data, state, media, columns, cells, boardDetail(data, state, columns, cells, terms), act, terms);
  const compare = el("div", { class: "vp-compare", role: "region", "aria-label": "Compare", hidden: true });
  const live = el("p", { class: "vp-hidden", role: "status", "aria-live": "polite" });
  root.append(...controls.parts, ...table.parts, compare, live, badgeTip(root));

  // ---- what visitors do ----------------------------------------------------------------------------------------

  /** @param {string} words */
  function say(words) { live.textContent = words; }

  function write() {
    const href = withFields(window.location.href, fields(state, data));
    if (href !== window.location.href) window.history.replaceState(window.history.state, "", href);
  }

  function update() {
    const listed = table.draw();
    first.draw(listed.rows);
    controls.drawChips(listed);
    controls.drawSheets();
    write();
    if (state.search) say(plural(listed.found, "model found", "models found"));
    late();
    return listed;
  }

  function draw() {
    controls.draw();
    update();
    drawCompare();
  }

  /** @param {() => void} doing */
  function change(doing) {
    doing();
    controls.drawControls();
    controls.drawLegend();
    update();
  }

  /** @param {() => void} doing */
  function narrow(doing) {
    doing();
    const { found } = update();
    say(plural(found, "model", "models"));
  }

  /** Another table: what was said of the rows of the last one is forgotten. @param {Board | null} board */
  function show(board) {
    Object.assign(state, { board: board && data.open(board), model: null, lost: null, pins: [], ticked: [], filters: noFilters() });
    draw();
  }

  /** @param {string} key @param {boolean} down */
  function sortBy(key, down) {
    Object.assign(state, { sort: key, down });
    const { rows } = update();
    say(`Sorted by ${columns.sorting().title}, ${down ? "descending" : "ascending"}. ${plural(rows.length, "model", "models")}.`);
  }

  /** @param {string} id */
  function choose(id) {
    state.model = state.model === id ? null : id;
    write();
    table.drawSelection();
    controls.drawSheets();
  }

  /** @param {string} id */
  function pin(id) {
    state.pins = state.pins.includes(id) ? state.pins.filter((pin) => pin !== id) : [...state.pins, id];
    update();
    table.renewTools();
  }

  /** @param {string} id */
  function tick(id) {
    state.ticked = state.ticked.includes(id) ? state.ticked.filter((ticked) => ticked !== id) : [...state.ticked, id];
    table.renewTools();
    drawCompare();
  }

  function drawCompare() {
    const { ticked } = state;
    compare.hidden = !ticked.length;
    root.classList.toggle("vp-comparing", ticked.length > 0);
    if (!ticked.length) return;
    const names = ticked.map((id) => state.board?.byId.get(id)?.model).join(", ");
    const where = `./compare?${new URLSearchParams(ticked.map((id) => ["id", id]))}`;
    compare.replaceChildren(
      el("span", null, names),
      ticked.length < 2 ? el("span", { class: "vp-wait" }, "Tick one more to compare") : el("a", { class: "vp-go", href: where }, `Compare ${ticked.length}`),
      el("button", { type: "button", class: "vp-link", onclick: () => { state.ticked = []; table.renewTools(); drawCompare(); } }, "Clear"));
  }

  // ---- what comes after the table: places and people that were still being worked out --------------------------

  let waiting = false;
  function late(seconds = 0.3) {
    const { board } = state;
    if (waiting || ![board?.ranking, board?.match_ranking, board?.standing, board?.people, board?.match_people, board?.match].some((part) => part?.pending) || !board || !(columns.ranksShown() || columns.peopleShown() || columns.standingShown() || columns.matched() || state.model)) return;
    waiting = true;
    window.setTimeout(async () => {
      const answer = await window.fetch(`./board/late?table=${encodeURIComponent(board.slug)}`).catch(() => null);
      const found = answer?.ok ? await answer.json() : null;
      waiting = false;
      if (found?.stamp === board.stamp) {
        const parts = () => [board.ranking, board.match_ranking, board.standing, board.people, board.match_people, board.match];
        const before = parts();
        data.receive(board, found);
        const news = parts().some((now, i) => Boolean(before[i]?.pending) !== Boolean(now?.pending));
        if (news && state.board === board) {
          state.received += 1;
          controls.drawLegend();
          update();
        }
      }
      late(Math.min(15, seconds * 1.5));
    }, seconds * 1000);
  }

  // ---- go ------------------------------------------------------------------------------------------------------

  for (const width of Object.values(media)) width.addEventListener("change", draw);
  draw();
  const opened = table.list.querySelector(".vp-chosen");
  if (opened && opened.getBoundingClientRect().bottom > window.innerHeight) opened.scrollIntoView({ block: "center" });
}
