// Keeps a page as it would be if it were loaded now, and carries out the orders of its buttons.

const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";
const base = meta("base");
const said = document.getElementById("said");
document.documentElement.classList.add("js");

/** Says what happened, also to a screen reader. */
function say(text, isBad) {
  said.textContent = text;
  said.classList.toggle("bad", isBad);
}

/** What has the focus keeps it, if it is still there. */
function keepingFocus(change) {
  const focused = document.activeElement;
  const name = ["id", "data-post", "href"].find((name) => focused?.getAttribute?.(name));
  const value = name && focused.getAttribute(name);
  change();
  if (value && document.activeElement !== focused) {
    document.querySelector(`[${name}="${CSS.escape(value)}"]`)?.focus({ preventScroll: true });
  }
}

/** Loads this page again, and puts its live parts in the place of the old ones. */
async function refresh() {
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (response.redirected) {
    location.reload();
    return;
  }
  if (!response.ok) return;
  const next = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const old of document.querySelectorAll("[data-live]")) {
    const part = next.getElementById(old.id);
    if (part && part.innerHTML !== old.innerHTML) {
      keepingFocus(() => old.replaceChildren(...part.childNodes));
    }
  }
}

let isRefreshing = false;
let isDue = false;

/** Once a second at most, however much happens. */
async function refreshSoon() {
  isDue = true;
  if (isRefreshing) return;
  isRefreshing = true;
  while (isDue) {
    isDue = false;
    try {
      await refresh();
    } catch {
      // The server is away; the next one comes.
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  isRefreshing = false;
}

if (document.querySelector("[data-live]")) {
  let stream;
  const listen = () => {
    stream?.close();
    stream = undefined;
    // A page that nobody sees holds no connection: browsers have few of them.
    if (document.hidden) return;
    stream = new EventSource(`${base}/api/v1/events/stream`);
    stream.addEventListener("punch", refreshSoon);
    refreshSoon();
  };
  document.addEventListener("visibilitychange", listen);
  setInterval(() => document.hidden || refreshSoon(), 10000);
  listen();
}

/** Gives the order of an element. The button cannot be pressed again meanwhile. */
async function order(element, body, button) {
  button.disabled = true;
  const headers = { "X-CSRF-Token": meta("csrf") };
  if (body) headers["Content-Type"] = "application/json";
  try {
    const response = await fetch(element.dataset.post, { method: "POST", headers, body });
    if (response.ok) {
      say(element.dataset.done, false);
    } else {
      const problem = await response.json();
      say([problem.detail, problem.try].filter(Boolean).join(" – "), true);
    }
  } catch (error) {
    say(String(error), true);
  }
  button.disabled = false;
  refreshSoon();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-post]");
  if (!button) return;
  let body = button.dataset.json;
  if (button.dataset.ask) {
    const answer = prompt(button.dataset.question);
    if (!answer) return;
    body = JSON.stringify({ ...JSON.parse(body), [button.dataset.ask]: answer });
  }
  order(button, body, button);
});

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-post]");
  if (!form) return;
  event.preventDefault();
  const fields = Object.fromEntries(new FormData(form));
  order(form, JSON.stringify({ ...JSON.parse(form.dataset.json), ...fields }), event.submitter);
});

// The part of an address after # is sent to nobody: the link gets from there into the form, and out of the address.
const link = new URLSearchParams(location.hash.slice(1)).get("link");
const field = document.getElementById("link");
if (link && field) {
  field.value = link;
  history.replaceState(null, "", location.pathname);
}
