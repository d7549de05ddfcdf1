// The budget: a preset fills the field, and the preset that fits is marked.

const form = document.getElementById("budget");
const field = document.getElementById("max-tokens");
const presets = [...document.querySelectorAll(".presets button")];

function mark() {
  for (const button of presets) button.setAttribute("aria-pressed", String(button.value === field.value.trim()));
}

for (const button of presets) {
  button.addEventListener("click", () => {
    field.value = button.value;
    mark();
  });
}
field.addEventListener("input", mark);
// The field and the button of a preset bear one name; one of them is enough in the address.
form.addEventListener("htmx:configRequest", (event) => {
  event.detail.parameters.max_tokens = field.value;
});
// A number that cannot be is not asked for; the field says why.
form.addEventListener("htmx:confirm", (event) => {
  if (!form.checkValidity()) {
    event.preventDefault();
    form.reportValidity();
  }
});
mark();
