/* What every document does: copy what a button offers. */

import { targetOf } from "./elements.js";

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
