/* The board: one table of one benchmark, drawn from the JSON text that came with the page.

   What the visitor chooses stands in the address (`board-state.js`). Missing numbers stand last in every order. The other
   files each have one job and know the others only through `app`, which is put together here. */

function mountBoard(root, text) {
  "use strict";

  const { el, plural } = boardWords;
  const data = boardData(text);
  const address = boardState(data);
  const { state } = address;
  const media = (query) => window.matchMedia(query);
  const view = { wide: media("(min-width: 1360px)"), roomy: media("(min-width: 1560px)"), tight: media("(max-width: 1259px)"), narrow: media("(max-width: 1099px)") };
  const app = { root, data, address, state, view, DEFAULT: address.DEFAULT, received: 0 };

  app.columns = boardColumns(app);
  /* With more columns than the usual ones something else must give way: the side panel, and words before numbers. */
  view.crowded = () => app.columns.all().some((column) => column.extra && app.columns.isShown(column));
  view.beside = () => view.wide.matches && (view.roomy.matches || !view.crowded()) && !app.columns.peopleShown();
  app.rows = boardRows(app);
  app.pieces = boardPieces(app);
  app.detail = boardDetail(app);
  const controls = boardControls(app);
  const table = boardTable(app);
  const compare = el("div", { class: "vp-compare", role: "region", "aria-label": "Compare", hidden: true });
  const live = el("p", { class: "vp-hidden", role: "status", "aria-live": "polite" });
  root.append(...controls.parts, ...table.parts, compare, live, app.pieces.tip);

  app.say = (words) => { live.textContent = words; };

  // ---- what visitors do ----------------------------------------------------------------------------------------

  /* Draw the rows anew and write the address. */
  app.update = () => {
    const listed = table.draw();
    controls.drawChips(listed);
    controls.drawSheets();
    address.write();
    if (state.search) app.say(plural(listed.found, "model found", "models found"));
    late();
    return listed;
  };

  function draw() {
    controls.draw();
    app.update();
    drawCompare();
  }

  app.change = (doing) => {
    doing();
    controls.drawControls();
    controls.drawLegend();
    app.update();
  };

  app.filter = (doing) => {
    doing();
    const { found } = app.update();
    app.say(plural(found, "model", "models"));
  };

  app.show = (board) => {
    address.show(board);
    draw();
  };

  app.sortBy = (key, down) => {
    Object.assign(state, { sort: key, down });
    const { rows } = app.update();
    const column = app.columns.all().find((c) => c.key === key);
    app.say(`Sorted by ${column.title}, ${down ? "descending" : "ascending"}. ${plural(rows.length, "model", "models")}.`);
  };

  app.choose = (id) => {
    state.model = state.model === id ? null : id;
    address.write();
    table.drawSelection();
    controls.drawSheets();
  };

  app.pin = (id) => {
    state.pins = state.pins.includes(id) ? state.pins.filter((pin) => pin !== id) : [...state.pins, id];
    app.update();
    table.renewTools();
  };

  app.tick = (id) => {
    state.ticked = state.ticked.includes(id) ? state.ticked.filter((ticked) => ticked !== id) : [...state.ticked, id];
    table.renewTools();
    drawCompare();
  };

  function drawCompare() {
    const { ticked } = state;
    compare.hidden = !ticked.length;
    root.classList.toggle("vp-comparing", ticked.length > 0);
    if (!ticked.length) return;
    const names = ticked.map((id) => state.board.byId.get(id).model).join(", ");
    const where = `./compare?${new URLSearchParams(ticked.map((id) => ["id", id]))}`;
    compare.replaceChildren(
      el("span", null, names),
      ticked.length < 2 ? el("span", { class: "vp-wait" }, "Tick one more to compare") : el("a", { class: "vp-go", href: where }, `Compare ${ticked.length}`),
      el("button", { type: "button", class: "vp-link", onclick: () => { state.ticked = []; table.renewTools(); drawCompare(); } }, "Clear"));
  }

  // ---- what comes after the table: places and people that were still being worked out --------------------------

  let waiting = false;
  function late(seconds = 1.5) {
    const { board } = state;
    const lacks = board && ((board.ranking && board.ranking.pending) || (board.people && board.people.pending));
    if (waiting || !lacks || !(app.columns.ranksShown() || app.columns.peopleShown() || state.model)) return;
    waiting = true;
    window.setTimeout(async () => {
      const answer = await window.fetch(`./board/late?table=${encodeURIComponent(board.slug)}`).catch(() => null);
      const found = answer && answer.ok ? await answer.json() : null;
      waiting = false;
      if (found && found.stamp === board.stamp) {
        const before = [board.ranking, board.people];
        data.receive(board, found);
        const news = [board.ranking, board.people].some((now, i) => Boolean(before[i] && before[i].pending) !== Boolean(now && now.pending));
        if (news && state.board === board) {
          app.received += 1;
          controls.drawLegend();
          app.update();
        }
      }
      late(Math.min(15, seconds * 1.5));
    }, seconds * 1000);
  }

  // ---- go ------------------------------------------------------------------------------------------------------

  for (const width of [view.wide, view.roomy, view.tight, view.narrow]) width.addEventListener("change", draw);
  address.read(window.location.search);
  app.columns.settle();
  draw();
  const opened = table.list.querySelector(".vp-chosen");
  if (opened && opened.getBoundingClientRect().bottom > window.innerHeight) opened.scrollIntoView({ block: "center" });
}
