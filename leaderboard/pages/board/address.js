/* What the visitor chose. It stands in the address, so that a link shows the same table. Unknown words in one are ignored,
   but a filter that is not understood stays as it is said and lets no row pass.

   `query.py` reads the same addresses on the server; `tests/cases/board_addresses.json` holds both to it. */

/** @import { Board, Table } from "./table.js" */

/**
 * @typedef {object} Filters
 * @property {Set<string>} developer
 * @property {Set<string>} family
 * @property {Set<string>} origin
 * @property {string | null} weights
 * @property {string | null} reliable
 * @property {string | null} parameters Whether all parameters of the protocol were sent.
 * @property {number | string | null} size_min As it is said, where that is no number.
 * @property {number | string | null} size_max
 * @property {string | null} since As it is said, be it a day or not.
 * @property {string | null} until
 * @property {string | null} released_since
 * @property {string | null} released_until
 */
/**
 * @typedef {object} State
 * @property {Board | null} board
 * @property {boolean} practice Whether practice runs are shown.
 * @property {string | null} lost A table that the address names and that is not here.
 * @property {number} scale
 * @property {import("./table.js").ReadingName} reading
 * @property {string} sort A column's key; whether there is such a column is for the columns to say.
 * @property {boolean} down
 * @property {string} search
 * @property {Set<string>} hidden
 * @property {Set<string>} shown
 * @property {Filters} filters
 * @property {"developer" | "family" | null} group
 * @property {string[]} pins
 * @property {boolean} raw
 * @property {boolean} intervals
 * @property {string | null} model The opened row.
 * @property {string[]} ticked Rows to compare: on the way to another page, so not part of this one's address.
 * @property {number} received How often numbers came after the table.
 */

/** Beginning of the key of a column that sets rows among people on a value. */
export const ABOVE = "above_";
export const DEFAULT = { sort: "name", down: false };
export const LISTS = /** @type {const} */ (["developer", "family", "origin"]);
export const CHOICES = { weights: ["open", "closed"], reliable: ["yes", "flat"], parameters: ["kept", "changed"] };
const AMOUNTS = /** @type {const} */ (["size_min", "size_max"]);
const DAYS = /** @type {const} */ (["since", "until", "released_since", "released_until"]);
const EITHER = /** @type {const} */ (["weights", "reliable", "parameters"]);
const FIELDS = ["table", "scale", "sort", "order", "q", "hide", "show", "model", ...LISTS, ...EITHER, ...AMOUNTS, ...DAYS, "group", "pin", "numbers", "intervals", "reading"];

/** @returns {Filters} */
export const noFilters = () => ({ developer: new Set(), family: new Set(), origin: new Set(), weights: null, reliable: null, parameters: null, size_min: null, size_max: null, since: null, until: null, released_since: null, released_until: null });

/** Tables of real runs. @param {Table} table */
export const measured = (table) => table.boards.filter((board) => !board.practice);

/** Tables of practice runs. @param {Table} table */
export const practised = (table) => table.boards.filter((board) => board.practice);

/** @template T @param {Set<T>} set @param {T} value */
export function toggle(set, value) {
  if (!set.delete(value)) set.add(value);
}

/** @param {string} text */
export const amount = (text) => (/^\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) && Number.isFinite(Number(text)) ? Number(text) : null);

/** A day of the calendar: 30 February, which JavaScript takes for 2 March, is none. @param {string} text */
export function isDay(text) {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : NaN;
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

/**
 * The choices that an address states.
 * @param {string} search The address from its `?` on.
 * @param {Table} table
 * @returns {State}
 */
export function parse(search, table) {
  const query = new URLSearchParams(search);
  const last = (/** @type {string} */ name) => query.getAll(name).at(-1) ?? "";
  const usual = [...table.scales.flatMap((scale) => scale.dimensions.map((d) => d.name)), "mean", "reliability", "coverage", "origin", "date"];
  const extras = ["ranks", "wording", "order", "released", "like_raters", ...table.contrasts.map((c) => c.key), "nearest", ...table.scales[0].dimensions.map((d) => ABOVE + d.name)];
  const words = (/** @type {string} */ text, /** @type {string[]} */ among) => new Set(text.split(",").filter((word) => among.includes(word)));
  const wanted = table.boards.find((board) => board.slug === last("table"));
  const practice = wanted ? Boolean(wanted.practice) : last("table") === "practice";
  const lost = Boolean(last("table")) && !wanted && !practice;
  const found = lost ? null : wanted || (practice ? practised(table)[0] : measured(table)[0]) || null;
  const board = found && table.open(found);
  const filters = noFilters();
  for (const name of LISTS) filters[name] = new Set(query.getAll(name).filter(Boolean));
  for (const name of [...EITHER, ...DAYS]) filters[name] = last(name) || null;
  for (const name of AMOUNTS) filters[name] = amount(last(name)) ?? (last(name) || null);
  const group = last("group");
  return {
    board, practice, filters,
    lost: lost ? last("table") : null,
    scale: Math.max(0, table.scales.findIndex((scale) => scale.key === last("scale"))),
    reading: last("reading") === "all" ? "all" : "published",
    sort: last("sort") || DEFAULT.sort,
    down: last("order") === "down",
    search: last("q"),
    hidden: words(last("hide"), usual),
    shown: words(last("show"), extras),
    group: group === "developer" || group === "family" ? group : null,
    pins: [...new Set(query.getAll("pin"))].filter((id) => board?.byId.has(id)),
    raw: last("numbers") === "raw",
    intervals: last("intervals") !== "off",
    model: last("model") || null,
    ticked: [],
    received: 0,
  };
}

/**
 * The choices as fields of an address: [name, value] each, a name repeated where there are several values.
 * @param {State} state
 * @param {Table} table
 * @returns {[string, string][]}
 */
export function fields(state, table) {
  const { filters } = state;
  const first = measured(table)[0] || null;
  const named = state.board === first && !state.lost ? null : state.board ? state.board.slug : state.practice ? "practice" : state.lost;
  /** @type {[string, string | number | null][]} */
  const said = [
    ["table", named],
    ["scale", state.scale ? table.scales[state.scale].key : null],
    ["reading", state.reading === "all" ? "all" : null],
    ["sort", state.sort === DEFAULT.sort ? null : state.sort],
    ["order", state.down ? "down" : null],
    ["q", state.search || null],
    ["hide", [...state.hidden].join(",") || null],
    ["show", [...state.shown].join(",") || null],
    ...LISTS.flatMap((name) => [...filters[name]].map((value) => /** @type {[string, string]} */ ([name, value]))),
    ...[...EITHER, ...AMOUNTS, ...DAYS].map((name) => /** @type {[string, string | number | null]} */ ([name, filters[name]])),
    ["group", state.group],
    ["numbers", state.raw ? "raw" : null],
    ["intervals", state.intervals ? null : "off"],
    ...state.pins.map((id) => /** @type {[string, string]} */ (["pin", id])),
    ["model", state.model],
  ];
  return said.filter(([, value]) => value !== null).map(([name, value]) => [name, String(value)]);
}

/**
 * An address with other choices; fields that are not the board's stay.
 * @param {string} href
 * @param {[string, string][]} said
 */
export function withFields(href, said) {
  const url = new URL(href);
  for (const name of FIELDS) url.searchParams.delete(name);
  for (const [name, value] of said) url.searchParams.append(name, value);
  return url.href;
}
