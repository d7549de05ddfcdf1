// Editing in place: Ctrl+Enter saves, Escape gives up what was not changed, nothing that was typed is lost by accident.

const quick = (element) => element.closest?.("form[data-quick]");
const isChanged = (form) => [...form.elements].some((one) => one.matches("textarea, input:not([type=hidden])") && one.value !== one.defaultValue);

document.addEventListener("keydown", (event) => {
  const form = quick(event.target);
  if (!form) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form.requestSubmit();
  } else if (event.key === "Escape" && !isChanged(form)) {
    form.querySelector("[data-cancel]")?.click();
  }
});

// Leaving the page with something half typed is asked about; sending it is not leaving.
let sending = false;
document.addEventListener("submit", () => { sending = true; });
document.addEventListener("htmx:afterRequest", () => { sending = false; });
addEventListener("beforeunload", (event) => {
  if (!sending && [...document.querySelectorAll("form[data-quick]")].some(isChanged)) event.preventDefault();
});
