import assert from "node:assert/strict";
import { test } from "node:test";
import { figure, halfWidth, percent, plural, share, signed, whole } from "../../leaderboard/web/static/numbers.js";

const cases = [
  [signed, [0.125], "+0.13"], [signed, [-0.5], "−0.50"], [signed, [0], "0.00"], [signed, [-0.004], "0.00"], [signed, [0.005], "+0.01"], [signed, [-1.005], "−1.00"],
  [figure, [4.256], "4.26"], [figure, [-0.3], "−0.30"], [figure, [0], "0.00"], [figure, [null], "–"], [figure, [undefined], "–"],
  [share, [0.126], "13 %"], [share, [0], "0 %"], [share, [null], "–"],
  [percent, [1], "100 %"], [percent, [0.99996], "99.9 %"], [percent, [0], "0 %"], [percent, [0.0001], "0.0 %"], [percent, [0.5], "50.0 %"],
  [halfWidth, [-0.1, 0.3], "±0.20"],
  [whole, [3120], "3,120"], [plural, [1, "model", "models"], "1 model"], [plural, [0, "model", "models"], "0 models"], [plural, [1234, "model", "models"], "1,234 models"],
];

for (const [format, given, expected] of cases) {
  test(`${format.name}(${given.map(String).join(", ")})`, () => assert.equal(format(...given), expected));
}
