// What pages do better with a script. Everything works without it.

import { copy } from "./copying.js";
import { $, all } from "./dom.js";
import { keepFocus } from "./focus.js";
import { listenToKeys } from "./keyboard.js";
import { openPalette, preparePalette } from "./palette.js";
import { localise, tellZone } from "./times.js";
import { unwarn, warn, watchToasts } from "./toasts.js";

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

// --- Wiring -----------------------------------------------------------------------------------------------

function enliven(root) {
  localise(root);
  const waiting = "[data-theme-toggle], [data-open], [data-copy], [data-copy-from], [data-dismiss], [data-script]";
  for (const element of all(waiting, root)) element.hidden = false;
  if (root.matches?.(waiting)) root.hidden = false;
  watchToasts();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.matches("[data-theme-toggle]")) toggleTheme();
  if (button?.matches("[data-open=palette]")) openPalette();
  else if (button?.matches("[data-open]:not([data-open=keys])")) document.getElementById(button.dataset.open)?.showModal();
  if (button?.matches("[data-copy], [data-copy-from]")) copy(button);
  if (button?.matches("[data-dismiss]")) button.closest(".toast").remove();
  for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("submit", (event) => {
  // One press is enough; a page that is come back to is usable again.
  const button = event.submitter;
  const leaves = event.target.method === "post" && !event.defaultPrevented && !event.target.target;
  if (leaves && button) setTimeout(() => { button.disabled = true; }, 0);
});
addEventListener("pageshow", () => { for (const button of all("button:disabled:not([data-unavailable])")) button.disabled = false; });
darkByNature.addEventListener("change", nameTheme);

document.addEventListener("htmx:load", (event) => enliven(event.target));
document.addEventListener("htmx:oobAfterSwap", (event) => enliven(event.target));
document.addEventListener("htmx:responseError", (event) => {
  // The whole error page says more than a part could: go where the link would have led. A poll only stops.
  const { verb, triggeringEvent } = event.detail.requestConfig;
  if (verb === "get" && triggeringEvent) location.assign(event.detail.pathInfo.finalRequestPath);
  else if (verb !== "get") warn(`${reasonIn(event.detail.xhr.responseText)} Reload the page to see what is there now.`);
});

/** What an error page says happened. */
function reasonIn(text) {
  const told = new DOMParser().parseFromString(text, "text/html").querySelector(".told dd");
  return told?.textContent.trim() || "That did not work.";
}

const UNREACHED = "The server cannot be reached. Nothing was saved just now, and what you see may be out of date.";
document.addEventListener("htmx:sendError", () => warn(UNREACHED));
document.addEventListener("htmx:afterOnLoad", () => unwarn(UNREACHED));

listenToKeys();
preparePalette();
keepFocus();
tellZone();
enliven(document);
nameTheme();
