// The list of sessions: selecting, and news that never moves what the eye is on. Everything works without it.

import { $, all, announce } from "./dom.js";

const picks = () => all('#results input[name="id"][type="checkbox"]');
const news = () => $("#changes");

// --- Selecting --------------------------------------------------------------------------------------------

const picked = new Set();
let lastPick = null;
let lastEntry = null;

function showPicked() {
  const bar = $("#bulk");
  if (!bar) return;
  const everything = bar.elements.everything.checked;
  const count = picked.size;
  $("[data-picked-count]", bar).textContent = everything ? "All" : `${count} selected`;
  bar.classList.toggle("has-selection", everything || count > 0);
  for (const pick of picks()) {
    pick.checked = everything || picked.has(pick.value);
    pick.closest("tr").classList.toggle("picked", pick.checked);
  }
  const head = $("[data-pick-all]");
  const onPage = picks().filter((pick) => pick.checked).length;
  head.checked = onPage > 0 && onPage === picks().length;
  head.indeterminate = onPage > 0 && !head.checked;
}

function pickOne(pick, wanted) {
  if (wanted) picked.add(pick.value);
  else picked.delete(pick.value);
}

/** With shift: all from the last one that was ticked to this one. */
function pickFrom(pick, withShift) {
  // Somebody who takes one away from all means those that are on the page.
  const everything = $("#bulk").elements.everything;
  if (everything.checked) for (const one of picks()) pickOne(one, one.checked);
  everything.checked = false;
  const found = picks();
  const [here, there] = [found.indexOf(pick), found.indexOf(lastPick)];
  const range = withShift && there >= 0 ? found.slice(Math.min(here, there), Math.max(here, there) + 1) : [pick];
  for (const one of range) pickOne(one, pick.checked);
  lastPick = pick;
  showPicked();
}

/** The form sends the ticks that it sees; those on other pages go with them. */
function sendFromElsewhere(form) {
  for (const one of all("[data-elsewhere]", form)) one.remove();
  const here = new Set(picks().map((pick) => pick.value));
  for (const id of picked) {
    if (here.has(id)) continue;
    const one = Object.assign(document.createElement("input"), { type: "hidden", name: "id", value: id });
    one.dataset.elsewhere = "";
    form.append(one);
  }
}

function pickNone() {
  picked.clear();
  $("#bulk").elements.everything.checked = false;
  showPicked();
}

/** A verb pressed by its key with nothing selected means the entry that has, or just had, the focus. */
function pickFocused(button) {
  const entry = document.activeElement?.closest("[data-entry]") ?? (document.activeElement === button ? lastEntry : null);
  const pick = entry?.isConnected ? $('input[name="id"]', entry) : null;
  if (pick) pickOne(pick, true);
  showPicked();
  return Boolean(pick);
}

document.addEventListener("click", (event) => {
  const pick = event.target.closest('#results input[name="id"]');
  if (pick) pickFrom(pick, event.shiftKey);
  if (event.target.closest("[data-pick-none]")) pickNone();
  const verb = event.target.closest('#bulk button[name="verb"]');
  if (verb && !picked.size && !verb.form.elements.everything.checked && !pickFocused(verb)) {
    event.preventDefault();
    announce("Select some sessions first.");
  } else if (verb?.matches("[value=tag], [value=untag]")) {
    const tags = verb.form.elements.tags;
    tags.required = true;
    if (!tags.reportValidity()) event.preventDefault();
    tags.required = false;
  }
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-pick-all]")) {
    for (const pick of picks()) pickOne(pick, event.target.checked);
    showPicked();
  }
  if (event.target.matches('#bulk [name="everything"]')) showPicked();
});
document.addEventListener("focusin", (event) => {
  const entry = event.target.closest("[data-entry]");
  if (entry) lastEntry = entry;
});
// The shift that makes a range must not select the text between.
document.addEventListener("mousedown", (event) => {
  if (event.shiftKey && event.target.closest(".pick")) event.preventDefault();
});
document.addEventListener("submit", (event) => {
  // Not by its `id`: the form's fields of that name stand before it.
  if (event.target.matches("#bulk") && !event.target.elements.everything.checked) sendFromElsewhere(event.target);
});
// A download leaves the page where it is, so its button may be pressed again.
document.addEventListener("submit", (event) => {
  if (event.submitter?.matches("[data-download]")) setTimeout(() => { event.submitter.disabled = false; }, 1000);
});

// --- News -------------------------------------------------------------------------------------------------

const changed = new Set();

/** Put a row's new contents where they belong, cell by cell; what has the focus, and the tick, stay. */
function patch(row, fresh) {
  [...row.cells].forEach((cell, index) => {
    const other = fresh.cells[index];
    if (!other || cell.matches(".pick") || cell.innerHTML === other.innerHTML) return;
    const holdsFocus = cell.contains(document.activeElement);
    const at = holdsFocus ? all("a, button", cell).indexOf(document.activeElement) : -1;
    cell.replaceChildren(...other.childNodes);
    if (other.dataset.label) cell.dataset.label = other.dataset.label;
    if (holdsFocus) (all("a, button", cell)[at] ?? $("a, button", cell))?.focus({ preventScroll: true });
    globalThis.htmx?.process(cell);
  });
  row.dataset.version = fresh.dataset.version;
  row.classList.toggle("gone", fresh.hasAttribute("data-gone"));
}

function take(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  for (const row of all("tr[data-entry]", fresh)) {
    const own = $(`#results tr[data-entry="${CSS.escape(row.dataset.entry)}"]`);
    if (own && own.dataset.version === row.dataset.version) continue;
    if (own) patch(own, document.adoptNode(row));
    else if (row.hasAttribute("data-gone")) continue;
    changed.add(row.dataset.entry);
  }
  if (!changed.size) return;
  const words = `${changed.size > 99 ? "99+" : changed.size} session${changed.size === 1 ? "" : "s"} changed`;
  const place = $("[data-changed-count]", news());
  if (place.textContent !== words) place.textContent = words;
  news().hidden = false;
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target === news() && document.hidden) event.preventDefault();
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.target === news() && event.detail.successful) take(event.detail.xhr.responseText);
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && news()) globalThis.htmx?.trigger(news(), "look");
});

// --- A list that was exchanged ----------------------------------------------------------------------------

function tellProblems() {
  for (const problem of all("#filters .problem")) {
    const field = document.getElementById(problem.id.replace(/_error$/, ""));
    const wrong = problem.textContent.trim() !== "";
    field?.closest(".field")?.classList.toggle("wrong", wrong);
    if (wrong) field?.setAttribute("aria-invalid", "true");
    else field?.removeAttribute("aria-invalid");
  }
}

function settle() {
  changed.clear();
  lastPick = null;
  tellProblems();
  showPicked();
}

document.addEventListener("htmx:afterSettle", (event) => { if (event.target.id === "results") settle(); });
addEventListener("pageshow", () => {
  // The browser brings ticks back with the page.
  for (const pick of picks()) if (pick.checked) picked.add(pick.value);
  showPicked();
});
showPicked();
