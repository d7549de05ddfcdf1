// The command palette (Ctrl or Cmd with K): every address and every command of the page, and the sessions that fit.

import { $, all } from "./dom.js";

const MOST_COMMANDS = 9;
const PAUSE_MS = 140;
let timer = 0;
let latest = 0;
let opener = null;

export function openPalette() {
  const dialog = $("#palette");
  if (!dialog || dialog.open) return;
  opener = document.activeElement;
  const field = $("input", dialog);
  field.value = "";
  dialog.showModal();
  fill("", []);
  field.focus();
}

/** What the page offers by itself: its navigation, and whatever it gave a key and a label. */
function commands() {
  const found = new Map();
  for (const element of all("nav[aria-label=Site] a, main [data-key-label]:not([data-entry-key]), [data-theme-toggle]")) {
    const label = (element.dataset.keyLabel ?? element.textContent).trim();
    // The navigation may be folded away; a page's own commands count while they can be seen.
    if (!label || found.has(label) || element.disabled || (element.closest("main") && !element.checkVisibility())) continue;
    found.set(label, { label, key: element.dataset.key ?? "", icon: element.querySelector(".icon use")?.getAttribute("href"), run: () => element.click() });
  }
  return [...found.values()];
}

const fits = (label, words) => words.every((word) => label.toLowerCase().includes(word));

function fill(text, sessions) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const options = commands().filter((command) => fits(command.label, words)).slice(0, MOST_COMMANDS);
  for (const link of sessions) options.push({ label: link.label, detail: link.detail, icon: iconOf("chat"), run: () => location.assign(link.href) });
  if (text.trim()) options.push({ label: `Search for “${text.trim()}”`, icon: iconOf("search"), run: () => location.assign(searchUrl(text)) });
  const list = $("#palette-options");
  list.replaceChildren(...options.map(draw));
  choose(0);
}

const searchUrl = (text) => `${$("#palette").dataset.search}?q=${encodeURIComponent(text.trim())}`;
const iconOf = (name) => $("#palette").dataset.icons + "#" + name;

function draw(option, index) {
  const row = Object.assign(document.createElement("li"), { id: `palette-${index}` });
  row.setAttribute("role", "option");
  if (option.icon) {
    const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    icon.setAttribute("class", "icon");
    icon.setAttribute("aria-hidden", "true");
    use.setAttribute("href", option.icon);
    icon.append(use);
    row.append(icon);
  }
  row.append(Object.assign(document.createElement("span"), { textContent: option.label, dir: "auto" }));
  if (option.detail) row.append(Object.assign(document.createElement("small"), { textContent: option.detail }));
  if (option.key) row.append(Object.assign(document.createElement("kbd"), { textContent: option.key }));
  row.addEventListener("click", () => { close(); option.run(); });
  row.addEventListener("pointermove", () => choose(index));
  return row;
}

const rows = () => all("#palette-options [role=option]");

function choose(index) {
  const found = rows();
  const wanted = found.length ? (index + found.length) % found.length : -1;
  found.forEach((row, place) => row.setAttribute("aria-selected", String(place === wanted)));
  const field = $("#palette input");
  if (wanted < 0) field.removeAttribute("aria-activedescendant");
  else {
    field.setAttribute("aria-activedescendant", found[wanted].id);
    found[wanted].scrollIntoView({ block: "nearest" });
  }
}

const chosen = () => rows().findIndex((row) => row.getAttribute("aria-selected") === "true");

function close() {
  $("#palette").close();
}

async function ask(text) {
  const mine = ++latest;
  try {
    const answer = await fetch(`${searchUrl(text)}&palette=1`, { headers: { "HX-Request": "true" } });
    if (!answer.ok || mine !== latest) return;
    const part = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (mine !== latest) return;
    if ($("main", part)) return; // a whole page, such as an error, is no list of sessions
    const here = chosen();
    fill(text, all("a[href]", part).map((link) => ({
      label: (link.dataset.title ?? link.textContent).trim(), detail: link.dataset.detail ?? "", href: link.getAttribute("href"),
    })));
    choose(Math.max(here, 0));
  } catch { /* without an answer, the commands are still there */ }
}

export function preparePalette() {
  const dialog = $("#palette");
  if (!dialog) return;
  const field = $("input", dialog);
  field.addEventListener("input", () => {
    const text = field.value;
    latest++;
    fill(text, []);
    clearTimeout(timer);
    if (text.trim().length > 1) timer = setTimeout(() => ask(text), PAUSE_MS);
  });
  field.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) { event.preventDefault(); choose(chosen() + by); }
    if (event.key === "Enter") { event.preventDefault(); rows()[chosen()]?.click(); }
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) close(); });
  dialog.addEventListener("close", () => { latest++; clearTimeout(timer); opener?.focus?.({ preventScroll: true }); });
}
