/* What every document does: follow the visitor's light or dark, and copy what a button offers. */

import { targetOf } from "./elements.js";

const asked = new URLSearchParams(window.location.search).get("__theme");
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark", asked ? asked === "dark" : dark.matches);
dark.addEventListener("change", follow);
follow();

document.addEventListener("click", async (event) => {
  const button = /** @type {HTMLElement | null} */ (targetOf(event).closest("[data-copy]"));
  if (!button) return;
  const before = button.textContent, label = button.getAttribute("aria-label");
  try {
    await navigator.clipboard.writeText(button.dataset.copy ?? "");
    button.textContent = "Copied";
  } catch {
    button.textContent = "Select the text and copy it";
  }
  button.removeAttribute("aria-label"); // what is heard is what is seen
  window.setTimeout(() => {
    button.textContent = before;
    if (label) button.setAttribute("aria-label", label);
  }, 2500);
});
