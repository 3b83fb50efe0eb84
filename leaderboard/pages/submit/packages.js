// Sends a package, and says where it is until it is on the board or refused.
(() => {
  const address = "./submit/package";
  const PAUSE = 1000;
  const token = async () => {
    const answer = await fetch("./vp/page-token", { method: "POST" });
    return answer.ok ? answer.text() : "";
  };
  const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE));
  /** @typedef {{message?: string, detail?: string, code?: string | null, link?: string | null, ticket?: string, done?: boolean}} Said */
  /** @param {HTMLElement} place @param {Said} said */
  const say = (place, { message, detail, code, link }) => {
    const line = document.createElement("p");
    line.className = "vp-refusal";
    line.textContent = `${message ?? detail ?? ""} `;
    if (code) {
      const word = document.createElement("span");
      word.className = "vp-code";
      word.textContent = `${code} `;
      line.append(word);
    }
    if (link) {
      const row = document.createElement("a");
      row.href = link;
      row.textContent = code ? "See it" : "See its row";
      line.append(row);
    }
    if (place.textContent !== line.textContent) place.replaceChildren(line); // so that it is read out once
  };
  /** @param {string} ticket @param {HTMLElement} place */
  const follow = async (ticket, place) => {
    for (;;) {
      await pause();
      const answer = await fetch(`${address}?ticket=${encodeURIComponent(ticket)}`);
      const said = await answer.json();
      say(place, said);
      if (said.done) return;
    }
  };
  document.addEventListener("submit", async (event) => {
    const form = /** @type {HTMLElement} */ (event.target).closest("form#package");
    const place = document.getElementById("handed-in");
    if (!(form instanceof HTMLFormElement) || !place) return;
    event.preventDefault();
    const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
    const file = /** @type {HTMLInputElement} */ (form.querySelector("input")).files?.[0];
    button.disabled = true;
    place.textContent = "Sending …";
    try {
      const answer = await fetch(address, { method: "POST", body: file, headers: { "X-Page-Token": await token() } });
      const said = await answer.json();
      say(place, said);
      if (said.ticket) {
        form.reset();
        await follow(said.ticket, place);
      }
    } catch {
      place.textContent = "The file could not be sent. Try again.";
    } finally {
      button.disabled = false;
    }
  });
})();
