// Importing: files and folders dropped or chosen, sent with a bar that tells how far, and news of a run that goes on.
// Without it the form is a plain one.

import { $, all, announce } from "./dom.js";

const MOST_NAMED = 5;
const form = $("#upload");
const drop = $("#drop");

const sizeOf = (bytes) => {
  const units = ["bytes", "KB", "MB", "GB"];
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) { size /= 1024; unit++; }
  return `${unit && size < 100 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
};

// --- What was chosen ---------------------------------------------------------------------------------------

let dropped = [];

/** What the fields and the drops hold: each file with the path that it had. */
function chosen() {
  const fields = all("input[type=file]", form).flatMap((field) => [...field.files]);
  return [...fields.map((file) => ({ file, path: file.webkitRelativePath || file.name })), ...dropped];
}

function showChosen() {
  const files = chosen();
  const bytes = files.reduce((sum, { file }) => sum + file.size, 0);
  const box = $("#chosen-files");
  box.hidden = !files.length;
  $("[data-count]", box).textContent = `${files.length.toLocaleString("en")} file${files.length === 1 ? "" : "s"}, ${sizeOf(bytes)}`;
  const rows = files.slice(0, MOST_NAMED).map(({ file, path }) => {
    const row = document.createElement("li");
    row.append(
      Object.assign(document.createElement("bdi"), { textContent: path }),
      Object.assign(document.createElement("span"), { textContent: sizeOf(file.size) }),
    );
    return row;
  });
  if (files.length > MOST_NAMED) rows.push(Object.assign(document.createElement("li"), { textContent: `and ${(files.length - MOST_NAMED).toLocaleString("en")} more` }));
  $("ul", box).replaceChildren(...rows);
  refuse(bytes > Number(form.dataset.mostBytes) ? `${sizeOf(bytes)} are more than ${sizeOf(Number(form.dataset.mostBytes))} at once. Send them in several parts, or import them on the server.` : "");
}

function clear() {
  for (const field of all("input[type=file]", form)) field.value = "";
  dropped = [];
  showChosen();
  $("#upload-files").focus();
}

/** What stands in the way; "" for nothing. */
function refuse(problem) {
  const note = Object.assign(document.createElement("p"), { className: "notice bad", textContent: problem });
  $("#upload-problem").replaceChildren(...(problem ? [note] : []));
  $("#send").disabled = Boolean(problem) && chosen().length > 0 && problem.includes("at once");
}

// --- Dropping ----------------------------------------------------------------------------------------------

/** All files at and below an entry of a drop, each with its path. */
async function filesOf(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ file, path: entry.fullPath.replace(/^\//, "") }];
  }
  const reader = entry.createReader();
  const found = [];
  // A reader gives a hundred at a time, and nothing once it is through.
  for (;;) {
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length) return found;
    for (const one of entries) found.push(...(await filesOf(one)));
  }
}

async function takeDrop(transfer) {
  // Asked for before anything is waited for: afterwards the browser has forgotten them.
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const found = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()).filter(Boolean);
  try {
    for (const one of found) dropped.push(...(one instanceof File ? [{ file: one, path: one.name }] : await filesOf(one)));
    showChosen();
    announce(`${chosen().length} files chosen`);
  } catch {
    refuse("The browser could not read what was dropped. Choose it with the fields instead.");
  }
}

const hasFiles = (event) => event.dataTransfer?.types.includes("Files");

function prepareDrop() {
  let depth = 0;
  const over = (by) => { depth = by ? depth + by : 0; drop.classList.toggle("over", depth > 0); };
  document.addEventListener("dragenter", (event) => { if (hasFiles(event)) { event.preventDefault(); over(1); } });
  document.addEventListener("dragleave", (event) => { if (hasFiles(event)) over(depth > 1 ? -1 : 0); });
  document.addEventListener("dragover", (event) => { if (hasFiles(event)) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    over(0);
    takeDrop(event.dataTransfer);
  });
}

// --- Sending -----------------------------------------------------------------------------------------------

function filled() {
  const data = new FormData();
  // The fields before the files: the server looks at them first.
  for (const [name, value] of new FormData(form)) if (typeof value === "string") data.append(name, value);
  for (const { file, path } of chosen()) data.append("files", file, path);
  return data;
}

function showSending(busy) {
  form.classList.toggle("busy", busy);
  $("#sending").hidden = !busy;
  for (const field of all("input, #send", form)) field.disabled = busy;
}

function send(event) {
  event.preventDefault();
  if (!chosen().length) {
    refuse("Choose a file first, or drop one.");
    $("#upload-files").focus();
    return;
  }
  const data = filled();
  const request = new XMLHttpRequest();
  const label = $("#sending label");
  const bar = $("#sent");
  const stop = $("#sending [data-stop]");
  refuse("");
  label.textContent = "Sending";
  bar.value = 0;
  showSending(true);
  stop.focus();
  stop.onclick = () => request.abort();
  request.upload.onprogress = ({ loaded, total }) => {
    bar.value = total ? (100 * loaded) / total : 0;
    label.textContent = loaded < total ? `Sending: ${sizeOf(loaded)} of ${sizeOf(total)}` : "Sent; the server puts it aside";
  };
  request.onload = () => {
    if (request.status < 400 && request.responseURL !== location.href) location.assign(request.responseURL);
    else fail(told(request));
  };
  request.onerror = () => fail("The connection broke off before everything was sent. Nothing was stored; send it again.");
  request.onabort = () => fail("Stopped. Nothing was stored.");
  request.open("POST", form.action);
  request.send(data);
}

function fail(problem) {
  showSending(false);
  refuse(problem);
  $("#send").focus();
}

/** What an error's page says. */
function told(request) {
  const page = new DOMParser().parseFromString(request.responseText, "text/html");
  const problems = all("#upload-problem p, form .problem, main .empty p", page).map((one) => one.textContent.trim());
  return problems.filter(Boolean).join(" ") || "The server did not take it. Nothing was stored.";
}

if (form) {
  prepareDrop();
  form.addEventListener("submit", send);
  form.addEventListener("change", (event) => { if (event.target.type === "file") showChosen(); });
  $("[data-clear]", form).addEventListener("click", clear);
  // Where no folder can be chosen, as on telephones, the field would only choose files once more.
  if (!("webkitdirectory" in $("#upload-folder"))) $("[data-folder]").hidden = true;
  showChosen();
}

// --- A run that goes on ------------------------------------------------------------------------------------

let state = $("#import")?.dataset.state;
document.addEventListener("htmx:afterSwap", () => {
  const run = $("#import");
  if (!run || run.dataset.state === state) return;
  state = run.dataset.state;
  // Told once for each state, not at each step of the bar.
  announce(run.dataset.told);
});
