// What all scripts share: finding elements, and saying something to whoever cannot see it.

export const $ = (selector, root = document) => root.querySelector(selector);
export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/** Whether keys go into the element as text. */
export const isTyping = (element) =>
  element.matches("input:not([type=checkbox], [type=radio], [type=button], [type=submit], [readonly]), textarea, select, [contenteditable]");

/** Say something politely to a screen reader. */
export function announce(text) {
  const note = Object.assign(document.createElement("p"), { className: "hushed", textContent: text });
  $("#toasts")?.append(note);
  setTimeout(() => note.remove(), 2000);
}
