/* Light or dark, before anything is drawn: what the visitor chose here, else what the address asks for (a page around this
   one may), else what the system says. Gradio marks its own pages' body by address and system alone; a choice overrules it. */

(() => {
  const KEPT = "vp-appearance";
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const asked = new URLSearchParams(window.location.search).get("__theme");
  const known = (/** @type {string | null} */ value) => (value === "dark" || value === "light" ? value : null);
  /** @type {string | null} */
  let chosen = null;
  let printing = false; // paper is light
  try {
    chosen = known(window.localStorage.getItem(KEPT));
  } catch { /* a frame of another origin may have no storage: the choice then holds for this page */ }

  function apply() {
    const dark = !printing && (chosen ?? known(asked) ?? (system.matches ? "dark" : "light")) === "dark";
    for (const element of [root, document.body]) if (element && element.classList.contains("dark") !== dark) element.classList.toggle("dark", dark);
    root.style.colorScheme = dark ? "dark" : "light";
  }

  apply();
  system.addEventListener("change", apply);
  for (const when of ["beforeprint", "afterprint"]) window.addEventListener(when, () => { printing = when === "beforeprint"; apply(); });
  window.addEventListener("storage", (event) => {
    if (event.key !== KEPT) return;
    chosen = known(event.newValue);
    apply();
  });
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    new MutationObserver(apply).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  });
  document.addEventListener("click", (event) => {
    if (!(/** @type {Element} */ (event.target).closest(".vp-appearance"))) return;
    chosen = root.classList.contains("dark") ? "light" : "dark";
    try {
      window.localStorage.setItem(KEPT, chosen);
    } catch { /* as above */ }
    apply();
  });
})();
