// Runs before the first paint, so that a chosen theme never flashes. The admin keeps its choice in the same place.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const chosen = localStorage.getItem("theme");
    if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  } catch { /* storage may be forbidden; the system's theme serves */ }
})();
