/* What the visitor chose. It stands in the address, so that a link shows the same table; unknown words in one are ignored. */

function boardState(data) {
  "use strict";

  const DEFAULT = { sort: "name", down: false };
  const LISTS = ["developer", "family", "origin"];
  const CHOICES = { weights: ["open", "closed"], reliable: ["yes", "flat"] };
  const GROUPS = ["developer", "family"];
  const EXTRAS = ["ranks", "wording", "order", "like_raters", ...data.contrasts.map((c) => c.key), "nearest"];
  const USUAL = [...data.scales.flatMap((scale) => scale.dimensions.map((d) => d.name)), "mean", "reliability", "coverage", "origin", "date"];
  const FIELDS = ["table", "scale", "sort", "order", "q", "hide", "show", "model", ...LISTS, ...Object.keys(CHOICES), "size_min", "size_max", "since", "until", "group", "pin", "numbers", "intervals"];
  const measured = data.boards.filter((board) => !board.practice);
  const practice = data.boards.filter((board) => board.practice);

  const noFilters = () => ({ developer: new Set(), family: new Set(), origin: new Set(), weights: null, reliable: null, size_min: null, size_max: null, since: null, until: null });

  const state = {
    ...DEFAULT, scale: 0, search: "", hidden: new Set(), shown: new Set(), model: null, board: null, practice: false, lost: false,
    filters: noFilters(), group: null, pins: [], raw: false, intervals: true,
    ticked: [], // rows to compare: on the way to another page, so not part of this one's address
  };

  const words = (text, among) => new Set((text || "").split(",").filter((word) => among.includes(word)));

  function amount(text) {
    const x = Number(text);
    return text && Number.isFinite(x) && x >= 0 ? x : null;
  }

  const day = (text) => (/^\d{4}-\d{2}-\d{2}$/.test(text || "") && !Number.isNaN(Date.parse(text)) ? text : null);

  function read(search) {
    const query = new URLSearchParams(search);
    const wanted = data.boards.find((board) => board.slug === query.get("table"));
    state.practice = wanted ? Boolean(wanted.practice) : query.get("table") === "practice";
    state.lost = Boolean(query.get("table")) && !wanted && !state.practice;
    const board = wanted || (state.practice ? practice[0] : measured[0]) || null;
    state.board = board && data.open(board);
    state.scale = Math.max(0, data.scales.findIndex((scale) => scale.key === query.get("scale")));
    state.search = query.get("q") || "";
    state.hidden = words(query.get("hide"), USUAL);
    state.shown = words(query.get("show"), EXTRAS);
    state.raw = query.get("numbers") === "raw";
    state.intervals = query.get("intervals") !== "off";
    state.group = GROUPS.includes(query.get("group")) ? query.get("group") : null;
    const rows = state.board ? state.board.rows : [];
    state.filters = noFilters();
    for (const name of LISTS) {
      const there = new Set(rows.map((row) => row[name]));
      for (const value of query.getAll(name)) if (value && there.has(value)) state.filters[name].add(value);
    }
    for (const [name, choices] of Object.entries(CHOICES)) state.filters[name] = choices.includes(query.get(name)) ? query.get(name) : null;
    for (const name of ["size_min", "size_max"]) state.filters[name] = amount(query.get(name));
    for (const name of ["since", "until"]) state.filters[name] = day(query.get(name));
    state.pins = [...new Set(query.getAll("pin"))].filter((id) => state.board && state.board.byId.has(id));
    state.model = query.get("model");
    state.sort = query.get("sort") || DEFAULT.sort; // whether there is such a column is for the columns to say
    state.down = query.get("order") === "down";
  }

  /* The choices as fields of an address: [name, value] each, a name repeated where there are several values. */
  function fields() {
    const { filters } = state;
    const table = state.board === (measured[0] || null) ? null : state.board ? state.board.slug : state.practice ? "practice" : null;
    const said = [
      ["table", table],
      ["scale", state.scale ? data.scales[state.scale].key : null],
      ["sort", state.sort === DEFAULT.sort ? null : state.sort],
      ["order", state.down ? "down" : null],
      ["q", state.search || null],
      ["hide", [...state.hidden].join(",") || null],
      ["show", [...state.shown].join(",") || null],
      ...LISTS.flatMap((name) => [...filters[name]].map((value) => [name, value])),
      ...["weights", "reliable", "size_min", "size_max", "since", "until"].map((name) => [name, filters[name]]),
      ["group", state.group],
      ["numbers", state.raw ? "raw" : null],
      ["intervals", state.intervals ? null : "off"],
      ...state.pins.map((id) => ["pin", id]),
      ["model", state.model],
    ];
    return said.filter(([, value]) => value !== null).map(([name, value]) => [name, String(value)]);
  }

  function write() {
    const url = new URL(window.location.href);
    for (const name of FIELDS) url.searchParams.delete(name);
    for (const [name, value] of fields()) url.searchParams.append(name, value);
    if (url.href !== window.location.href) window.history.replaceState(window.history.state, "", url);
  }

  /* Another board: what was said of the rows of the last one is forgotten. */
  function show(board) {
    Object.assign(state, { board: board && data.open(board), model: null, lost: false, pins: [], ticked: [], filters: noFilters() });
  }

  function toggle(set, value) {
    if (!set.delete(value)) set.add(value);
  }

  return { state, DEFAULT, LISTS, CHOICES, measured, practice, noFilters, read, write, fields, show, toggle };
}
