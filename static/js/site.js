// What pages do better with a script. Everything works without it.

const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// --- Times: the exact one on hover, in the viewer's zone --------------------------------------------------

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const time = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" };
const thisYear = new Intl.DateTimeFormat(undefined, time);
const otherYear = new Intl.DateTimeFormat(undefined, { ...time, year: "numeric" });

function localise(root) {
  for (const element of all("time[datetime]", root)) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    element.title = exact.format(moment);
    const clock = moment.getFullYear() === new Date().getFullYear() ? thisYear : otherYear;
    if (element.hasAttribute("data-clock")) element.textContent = clock.format(moment);
  }
}

// --- Theme ------------------------------------------------------------------------------------------------

const darkByNature = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme ?? (darkByNature.matches ? "dark" : "light")) === "dark";

function nameTheme() {
  for (const button of all("[data-theme-toggle]")) {
    $("span", button).textContent = isDark() ? "Light" : "Dark";
    const use = $("use", button);
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, isDark() ? "#sun" : "#moon"));
  }
}

function toggleTheme() {
  const chosen = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = chosen;
  try { localStorage.setItem("theme", chosen); } catch { /* remembered for this page only */ }
  nameTheme();
}

// --- Copying ----------------------------------------------------------------------------------------------

async function copy(button) {
  const text = button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without TLS there is no clipboard to write to, but there is the old way.
    const field = Object.assign(document.createElement("textarea"), { value: text, className: "hushed" });
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    button.focus();
  }
  button.classList.add("done");
  announce("Copied.");
  setTimeout(() => button.classList.remove("done"), 1500);
}

function announce(text) {
  const place = $(".toasts");
  const note = Object.assign(document.createElement("p"), { className: "hushed", textContent: text });
  place?.append(note);
  setTimeout(() => note.remove(), 2000);
}

// --- Keyboard ---------------------------------------------------------------------------------------------

const isTyping = (element) => element.matches("input:not([type=checkbox], [type=radio], [readonly]), textarea, select, [contenteditable]");
const entries = () => all("[data-entries] [data-entry] a:first-of-type, [data-entries] > .turn .place").filter(
  (link, index, links) => links.findIndex((other) => entryOf(other) === entryOf(link)) === index && link.offsetParent,
);
const entryOf = (link) => link.closest("[data-entry], .turn");

function step(by) {
  const links = entries();
  if (!links.length) return;
  const here = links.findIndex((link) => entryOf(link) === entryOf(document.activeElement));
  const next = here < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(Math.max(here + by, 0), links.length - 1);
  links[next].focus();
  entryOf(links[next]).scrollIntoView({ block: "nearest" });
}

function filter() {
  const field = $("#filters input:not([type=hidden]), .filters input, .row-form input:not([type=hidden])");
  field?.focus();
  field?.select?.();
}

const KEYS = { j: () => step(1), k: () => step(-1), "/": filter, "?": () => $("#keys")?.showModal() };
let awaiting = false;

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "Escape") {
    for (const menu of all("details.menu[open]")) menu.open = false;
    if (isTyping(document.activeElement)) document.activeElement.blur();
    return;
  }
  if (isTyping(event.target) || $("dialog[open]")) return;
  if (awaiting) {
    awaiting = false;
    const target = $(`[data-key="g ${CSS.escape(event.key)}"]`);
    if (target) { event.preventDefault(); target.click(); return; }
  }
  if (event.key === "g") { awaiting = true; setTimeout(() => { awaiting = false; }, 1000); return; }
  if (KEYS[event.key]) { event.preventDefault(); KEYS[event.key](); }
}

// --- Wiring -----------------------------------------------------------------------------------------------

function enliven(root) {
  localise(root);
  for (const element of all("[data-theme-toggle], [data-open], [data-copy], [data-dismiss]", root)) element.hidden = false;
}

document.addEventListener("keydown", press);
document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.matches("[data-theme-toggle]")) toggleTheme();
  if (button?.matches("[data-open]")) document.getElementById(button.dataset.open)?.showModal();
  if (button?.matches("[data-copy]")) copy(button);
  if (button?.matches("[data-dismiss]")) button.closest(".toast").remove();
  for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("submit", (event) => {
  // One press is enough; a page that is come back to is usable again.
  const button = event.submitter;
  if (event.target.method === "post" && button) setTimeout(() => { button.disabled = true; }, 0);
});
addEventListener("pageshow", () => { for (const button of all("button:disabled")) button.disabled = false; });
darkByNature.addEventListener("change", nameTheme);

document.addEventListener("htmx:load", (event) => enliven(event.target));
document.addEventListener("htmx:responseError", (event) => {
  // The whole error page says more than a part could: go where the link would have led.
  if (event.detail.requestConfig.verb === "get") location.assign(event.detail.pathInfo.finalRequestPath);
});
document.addEventListener("htmx:sendError", () => announce("The server cannot be reached. What you see may be out of date."));

enliven(document);
nameTheme();
