// Reading a session: more of it as the reader comes near, what is new while it is open, and copies of its texts.

import { copy } from "./copying.js";
import { $, all } from "./dom.js";

const POLL_MS = 2000;
const QUIET_MS = 10000;
const NEAR = "600px";

// --- More of it, without moving what is read ---------------------------------------------------------------

const near = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (isIntersecting) target.dispatchEvent(new CustomEvent("reached"));
  }
}, { rootMargin: NEAR });

let lookedBack = false;
let height = scrollY;

function watchEnds() {
  for (const link of all(".later a")) near.observe(link);
  // The beginning of a page that was opened in the middle is left alone until the reader goes there.
  if (lookedBack) for (const link of all(".earlier a")) near.observe(link);
}

addEventListener("scroll", () => {
  if (scrollY < height && !lookedBack) {
    lookedBack = true;
    watchEnds();
  }
  height = scrollY;
  if (!isAway()) seen();
}, { passive: true });

let anchor = null;

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (!detail.target.matches?.(".earlier")) return;
  const element = detail.target.nextElementSibling;
  anchor = element && { element, top: element.getBoundingClientRect().top };
});
document.addEventListener("htmx:afterSwap", () => {
  if (anchor) scrollBy({ top: anchor.element.getBoundingClientRect().top - anchor.top, behavior: "instant" });
  anchor = null;
});

// --- What is new -------------------------------------------------------------------------------------------

const arrived = $("#arrived");
const status = $("#arrivals");
let waiting = 0;
let firstNew = null;
let lastBefore = null;
let toldAt = -QUIET_MS;

const isAway = () => {
  const end = $("#live");
  return end !== null && end.getBoundingClientRect().top > innerHeight;
};

function ask() {
  if (document.visibilityState === "visible") $("#live[hx-get]")?.dispatchEvent(new CustomEvent("poll"));
}

function seen() {
  waiting = 0;
  firstNew = null;
  if (arrived) arrived.hidden = true;
}

function take(count, first) {
  const words = `${waiting + count} new interaction${waiting + count === 1 ? "" : "s"}`;
  // Said once, not for each: the next time when these were seen, or when it has been quiet for a while.
  if (!waiting && performance.now() - toldAt > QUIET_MS) {
    status.textContent = words;
    toldAt = performance.now();
  }
  if (!isAway()) return;
  waiting += count;
  firstNew ??= first;
  $("span", arrived).textContent = words;
  arrived.hidden = false;
}

const isLive = (detail) => detail.target?.id === "live";

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (isLive(detail)) lastBefore = detail.target.previousElementSibling ?? detail.target.parentElement;
});
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (!isLive(detail) || !lastBefore) return;
  const first = lastBefore.matches(".turns") ? $(".turn", lastBefore) : nextTurn(lastBefore);
  const count = Number($("#live")?.dataset.count ?? 0);
  lastBefore = null;
  if (count) take(count, first);
});

function nextTurn(element) {
  let next = element.nextElementSibling;
  while (next && !next.matches(".turn")) next = next.nextElementSibling;
  return next;
}

arrived?.addEventListener("click", () => {
  firstNew?.scrollIntoView({ block: "start" });
  $(".place", firstNew ?? document)?.focus({ preventScroll: true });
  seen();
});

// --- Copies ------------------------------------------------------------------------------------------------

const TEXTS = ["prompt", "response", "error_message"];

async function copyRecord(button) {
  const answer = await fetch(button.dataset.copyRecord);
  if (!answer.ok) return;
  const record = await answer.json();
  const texts = TEXTS.map((name) => record[name]).filter(Boolean);
  const told = record.tool_parameters;
  if (told !== undefined && told !== null) texts.unshift(typeof told === "string" ? told : JSON.stringify(told, null, 2));
  button.dataset.copy = texts.join("\n\n") || record.reasoning || "";
  await copy(button);
  delete button.dataset.copy;
}

function copyCode(button) {
  button.dataset.copy = $("pre", button.parentElement).textContent;
  copy(button).finally(() => delete button.dataset.copy);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.matches("[data-copy-record]:not([data-copy])")) copyRecord(button);
  if (button?.matches(".copy-code:not([data-copy])")) copyCode(button);
  if (button?.matches("[data-unfold]")) unfold(button);
});

function addCopyButton(block) {
  const icon = $("template#copy-code")?.content.cloneNode(true);
  if (icon && !$(".copy-code", block)) block.append(icon);
}

// --- Folds, and what scrolls --------------------------------------------------------------------------------

function unfold(button) {
  const open = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(open));
  for (const fold of all(".turns .fold")) fold.open = open;
}

let opened = [];
addEventListener("beforeprint", () => {
  opened = all(".turns .fold:not([open])");
  for (const fold of opened) fold.open = true;
});
addEventListener("afterprint", () => { for (const fold of opened) fold.open = false; });

/** What does not scroll need not be stopped at by the Tab key. */
function freeOfStops(root) {
  for (const block of all(".code-block pre, .table-block", root)) {
    const scrolls = block.scrollWidth > block.clientWidth + 1 || block.scrollHeight > block.clientHeight + 1;
    if (block.offsetParent) block.tabIndex = scrolls ? 0 : -1;
  }
}

document.addEventListener("toggle", (event) => {
  if (event.target.matches(".fold[open]")) freeOfStops(event.target);
}, true);

function enliven(root) {
  for (const block of all(".code-block", root)) addCopyButton(block);
  freeOfStops(root);
  watchEnds();
}

document.addEventListener("htmx:load", (event) => enliven(event.target.parentElement ?? event.target));

// --- Wiring ------------------------------------------------------------------------------------------------

enliven(document);
if (!location.hash) $("#sought")?.scrollIntoView({ block: "center" });
setInterval(ask, POLL_MS);
document.addEventListener("visibilitychange", ask);
