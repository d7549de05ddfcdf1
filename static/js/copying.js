// Copying: a text that a button carries, or the text of the element that it names.

import { announce } from "./dom.js";

const textOf = (button) => button.dataset.copy || document.getElementById(button.dataset.copyFrom)?.textContent || "";

export async function copy(button) {
  const text = textOf(button);
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without TLS there is no clipboard to write to, but there is the old way.
    const field = Object.assign(document.createElement("textarea"), { value: text, className: "hushed" });
    (button.closest("dialog") ?? document.body).append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    button.focus();
  }
  button.classList.add("done");
  announce("Copied.");
  setTimeout(() => button.classList.remove("done"), 1500);
}
