/* Copy buttons, and the place on the page that the address names. */

function mountAbout(root) {
  "use strict";
  root.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select the text and copy it";
    }
    window.setTimeout(() => { button.textContent = "Copy"; }, 2500);
  });
  const wanted = window.location.hash && root.querySelector(window.location.hash);
  if (wanted) wanted.scrollIntoView();
}
