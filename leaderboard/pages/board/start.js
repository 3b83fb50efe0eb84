/* Draw the board as soon as its data is there. */

import { mountBoard } from "./board.js";

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

mountBoard(byId("board"), byId("board-data").textContent);
