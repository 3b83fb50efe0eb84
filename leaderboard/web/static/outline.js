/* The line of a portrait. */

/**
 * Path through scores around the circle; strokes end where one is missing.
 * @param {(number | null)[]} scores
 * @param {(spoke: number, score: number) => (number | string)[]} at Where a score lies: x and y.
 */
export function outline(scores, at) {
  const gap = scores.indexOf(null);
  const order = scores.map((_, i) => (i + Math.max(0, gap)) % scores.length);
  let pen = "M";
  let path = "";
  for (const i of order) {
    const score = scores[i];
    path += score === null ? "" : pen + at(i, score).join(" ");
    pen = score === null ? "M" : "L";
  }
  return path && gap < 0 ? `${path}Z` : path;
}
