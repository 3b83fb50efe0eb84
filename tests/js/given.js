/* The table and the addresses that the server is tested with, too. */

import { readFileSync } from "node:fs";
import { parse } from "../../leaderboard/pages/board/address.js";
import { boardColumns } from "../../leaderboard/pages/board/columns.js";
import { readTable } from "../../leaderboard/pages/board/table.js";

export const given = JSON.parse(readFileSync(new URL("../cases/board_addresses.json", import.meta.url), "utf8"));

/** What a visitor with this address has before them. */
export function opened(address, change = (sent) => sent) {
  const table = readTable(JSON.stringify(change(structuredClone(given.table))));
  const state = parse(address, table);
  const width = (matches) => ({ matches });
  const columns = boardColumns(table, state, { wide: width(true), roomy: width(false), tight: width(true), narrow: width(false) });
  columns.settle();
  return { table, state, columns };
}
