/* Numbers as readers see them. */

const WITH_SEPARATORS = new Intl.NumberFormat("en"); // made once: each makes a table of its language

/** @param {number} n */
export const whole = (n) => WITH_SEPARATORS.format(n);

/** @param {number} n @param {string} one @param {string} many */
export const plural = (n, one, many) => `${whole(n)} ${n === 1 ? one : many}`;

/** @template T @param {T | null | undefined} x @returns {x is T} */
export const known = (x) => x !== null && x !== undefined;

/** A score: always with its sign, a true minus; nothing before what rounds to 0. @param {number} x */
export function signed(x) {
  const digits = Math.abs(x).toFixed(2);
  return Number(digits) === 0 ? digits : (x < 0 ? "−" : "+") + digits;
}

/** @param {number | null | undefined} x */
export const figure = (x) => (known(x) ? x.toFixed(2).replace("-", "−") : "–");

/** @param {number | null | undefined} x A share, 0 to 1. */
export const share = (x) => (known(x) ? `${Math.round(x * 100)} %` : "–");

/** A share with one decimal; only all is 100 % and only nothing is 0 %. @param {number} x */
export const percent = (x) => (x === 1 ? "100 %" : x === 0 ? "0 %" : `${Math.min(99.9, x * 100).toFixed(1)} %`);

/** @param {number} low @param {number} high */
export const halfWidth = (low, high) => `±${((high - low) / 2).toFixed(2)}`;
