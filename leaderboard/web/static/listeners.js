// Gives each call of a page's listeners the token that the server asks for (`leaderboard/server/page_token.py`).
(() => {
  const send = window.fetch.bind(window);
  const guarded = /\/gradio_api\/(queue\/join|run\/predict)\b/;
  /** @type {Promise<string> | null} */
  let token = null;
  const fresh = () => {
    token = send("./vp/page-token", { method: "POST" }).then((r) => (r.ok ? r.text() : ""));
    return token;
  };
  /** @param {RequestInfo | URL} input @param {RequestInit} [init] */
  const withToken = async (input, init) => {
    const headers = new Headers(init?.headers || (input instanceof Request ? input.headers : undefined));
    headers.set("X-Page-Token", await (token || fresh()));
    return send(input, { ...init, headers });
  };
  window.fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input, window.location.href);
    if (url.origin !== window.location.origin || !guarded.test(url.pathname)) return send(input, init);
    const answer = await withToken(input, init);
    if (answer.status !== 403) return answer;
    fresh(); // the server was started anew, a day is over, or somebody has signed in
    return withToken(input, init);
  };
})();
