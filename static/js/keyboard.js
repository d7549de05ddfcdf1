// The keyboard. Pages say in their markup what a key does; here it is only pressed.
//
//   data-key="e"             pressed anywhere: the element is clicked, or focused where it takes text
//   data-key="g s"           the same, for g and then s
//   data-entry-key="x"       pressed while its entry has the focus
//   data-key-label="Edit"    what the list of keys (?) calls it
//   [data-entries] [data-entry]   what j and k step through

import { $, all, isTyping } from "./dom.js";
import { openPalette } from "./palette.js";

const entryOf = (element) => element?.closest("[data-entry], .turn");
const HANDLE = "a[href]:not(.chip), summary, button";

function entries() {
  return all("[data-entries] [data-entry], [data-entries] .turn").filter((entry) => entry.offsetParent && !entry.parentElement.closest("[data-entry]"));
}

function step(by) {
  const found = entries();
  if (!found.length) return;
  const here = found.indexOf(entryOf(document.activeElement));
  const next = here < 0 ? (by > 0 ? firstInSight(found) : found.length - 1) : Math.min(Math.max(here + by, 0), found.length - 1);
  const entry = found[next];
  ($(".place", entry) ?? $(HANDLE, entry))?.focus({ preventScroll: true });
  entry.scrollIntoView({ block: "nearest" });
}

/** A reader who is half-way down a page starts there, not at its top. */
function firstInSight(found) {
  const index = found.findIndex((entry) => entry.getBoundingClientRect().bottom > 80);
  return Math.max(index, 0);
}

const visible = (element) => element.checkVisibility?.({ visibilityProperty: true }) ?? element.offsetParent;

function act(element) {
  if (isTyping(element)) {
    element.focus();
    element.select?.();
  } else {
    if (element.matches("summary, input, button, a")) element.focus({ preventScroll: true });
    element.click();
  }
}

/** What a key means here: in the focused entry first, then on the page, then in the navigation, even a folded one. */
function meaning(key) {
  const entry = entryOf(document.activeElement);
  const wanted = `="${CSS.escape(key)}"]`;
  const own = entry && $(`[data-entry-key${wanted}`, entry);
  if (own) return own;
  const found = all(`[data-key${wanted}`).filter((element) => !element.disabled);
  return found.find(visible) ?? found[0];
}

function showKeys() {
  const list = $("#keys .keys-here");
  const seen = new Set();
  list.replaceChildren();
  for (const element of all("main [data-key][data-key-label], main [data-entry-key][data-key-label]")) {
    const key = element.dataset.key ?? element.dataset.entryKey;
    if (seen.has(key) || element.disabled) continue;
    seen.add(key);
    const name = document.createElement("dt");
    key.split(" ").forEach((part, index) => {
      if (index) name.append(" then ");
      name.append(Object.assign(document.createElement("kbd"), { textContent: part }));
    });
    list.append(name, Object.assign(document.createElement("dd"), { textContent: element.dataset.keyLabel }));
  }
  $("#keys .keys-page").hidden = !seen.size;
  $("#keys").showModal();
}

let awaiting = false;

function press(event) {
  if (event.defaultPrevented) return;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openPalette();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    for (const menu of all("details.menu[open]")) {
      menu.open = false;
      if (menu.contains(document.activeElement)) $("summary", menu).focus();
    }
    if (isTyping(document.activeElement) && !$("dialog[open]")) document.activeElement.blur();
    return;
  }
  if (isTyping(event.target) || $("dialog[open]")) return;
  let key = event.key;
  if (awaiting) {
    awaiting = false;
    key = `g ${event.key}`;
  } else if (key === "g") {
    awaiting = true;
    setTimeout(() => { awaiting = false; }, 1500);
    return;
  }
  const builtIn = { j: () => step(1), k: () => step(-1), "?": showKeys }[key];
  const element = builtIn ? null : meaning(key);
  if (builtIn ?? element) event.preventDefault();
  if (builtIn) builtIn();
  else if (element) act(element);
}

export function listenToKeys() {
  document.addEventListener("keydown", press);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-open=keys]")) showKeys();
  });
}
