// Focus stays where it was when a part of the page is exchanged: on the same thing, or on its nearest like.

import { $ } from "./dom.js";

let kept = null;

/** Selectors that find the focused element again in what comes, the surest first. */
function placeOf(element) {
  if (!element || element === document.body) return null;
  const selectors = [];
  if (element.id) selectors.push(`#${CSS.escape(element.id)}`);
  const entry = element.closest("[data-entry]");
  const within = entry?.dataset.entry ? `[data-entry="${CSS.escape(entry.dataset.entry)}"] ` : "";
  const name = element.localName;
  for (const attribute of ["name", "href", "formaction", "data-key", "data-entry-key", "aria-label"]) {
    const value = element.getAttribute(attribute);
    if (!value) continue;
    const own = attribute === "name" && element.value && element.type !== "text" ? `[value="${CSS.escape(element.value)}"]` : "";
    selectors.push(`${within}${name}[${attribute}="${CSS.escape(value)}"]${own}`);
  }
  if (within) selectors.push(`${within}a`);
  return selectors;
}

function restore() {
  const selectors = kept;
  kept = null;
  if (!selectors || (document.activeElement && document.activeElement !== document.body)) return;
  for (const selector of selectors) {
    const found = $(selector);
    if (found) {
      found.focus({ preventScroll: true });
      return;
    }
  }
}

export function keepFocus() {
  document.addEventListener("htmx:beforeSwap", () => { kept = placeOf(document.activeElement); });
  document.addEventListener("htmx:afterSettle", restore);
}
