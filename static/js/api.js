// The page of the REST API: what an address or a link points to is unfolded.

function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) target.open = true;
}

addEventListener("hashchange", unfold);
// A link to where one already is changes no address.
addEventListener("click", (event) => {
  if (event.target instanceof Element && event.target.closest("a[href^='#']")) setTimeout(unfold);
});
unfold();
