/* What every document does: show where one is among the pages, copy what a button offers. */

import { targetOf } from "./elements.js";

const pages = document.querySelector(".vp-masthead nav"), current = /** @type {HTMLElement | null} */ (pages?.querySelector("[aria-current]"));
if (pages && current) pages.scrollLeft = current.offsetLeft - (pages.clientWidth - current.offsetWidth) / 2; // one line on a phone

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
