// Sends a package, and says where it is until it is on the board or refused.
(() => {
  const address = "./submit/package";
  const PAUSE = 1000;
  const token = async () => {
    const answer = await fetch("./vp/page-token", { method: "POST" });
    return answer.ok ? answer.text() : "";
  };
  const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE));
  const follow = async (ticket, place) => {
    for (;;) {
      await pause();
      const answer = await fetch(`${address}?ticket=${encodeURIComponent(ticket)}`);
      if (!answer.ok) return;
      const { html, done } = await answer.json();
      if (place.innerHTML !== html) place.innerHTML = html; // made by the server, which escapes what others wrote
      if (done) return;
    }
  };
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("#package");
    if (!form) return;
    event.preventDefault();
    const place = document.getElementById("handed-in");
    const button = form.querySelector("button");
    const [file] = form.querySelector("input").files;
    button.disabled = true;
    place.textContent = "Sending …";
    try {
      const answer = await fetch(address, { method: "POST", body: file, headers: { "X-Page-Token": await token() } });
      const said = await answer.json();
      place.innerHTML = said.html ?? "";
      if (!said.html) place.textContent = said.detail ?? "";
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
