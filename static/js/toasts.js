// Toasts: what was just done, for a while. One that can be undone stays longer, and all wait while they are looked at.

import { $, all } from "./dom.js";

const SHORT_MS = 8000;
const LONG_MS = 20000;

export function watchToasts() {
  for (const toast of all("#toasts .toast:not([data-watched])")) {
    toast.dataset.watched = "";
    if (toast.matches(".error, .warning")) continue;
    schedule(toast, $("form", toast) ? LONG_MS : SHORT_MS);
  }
}

function schedule(toast, after) {
  setTimeout(() => (toast.matches(":hover, :focus-within") ? schedule(toast, 3000) : toast.remove()), after);
}

/** What went wrong, to be seen as well as heard; told once, however often it happens. */
export function warn(text) {
  const told = all("#toasts .toast[data-warning]").find((toast) => toast.dataset.warning === text);
  if (told) return;
  const toast = Object.assign(document.createElement("div"), { className: "toast error" });
  toast.dataset.warning = text;
  toast.append(Object.assign(document.createElement("p"), { textContent: text }));
  $("#toasts")?.append(toast);
}

/** A warning is over: what it told of works again. */
export function unwarn(text) {
  for (const toast of all("#toasts .toast[data-warning]")) if (toast.dataset.warning === text) toast.remove();
}
