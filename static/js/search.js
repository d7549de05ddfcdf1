// The search page with a script: what was found is told, and the arrow keys lead from the box to the hits.

const field = document.getElementById("search-text");
const told = document.getElementById("search-told");

document.addEventListener("htmx:afterSwap", () => {
  told.textContent = document.getElementById("results")?.dataset.told ?? "";
});

field?.addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown") return;
  const first = document.querySelector("#results [data-entry] a");
  if (!first) return;
  event.preventDefault();
  first.focus();
});
