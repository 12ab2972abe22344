// The desk's keyboard and little helps; every page works without it. A page says what it wants by attributes:
//   tr[data-href]          a row that j/k walk over, Enter opens and x ticks (its first checkbox)
//   [data-filtre]          the field that "/" goes to
//   [data-touche="d"]      clicked (or focused, where it is a field) by that key; data-vers="i" then goes to field i
//   input[data-tout="n"]   ticks every checkbox named n; [data-compte="n"] shows how many are ticked,
//                          and button[data-besoin="n"] is off while none is
//   form[data-une-fois]    is sent once only
"use strict";

const all = (what, where = document) => Array.from(where.querySelectorAll(what));
const boxes = (name) => all(`input[type="checkbox"][name="${CSS.escape(name)}"]`);
const help = document.getElementById("raccourcis");
const helpButton = document.querySelector("[data-raccourcis]");

function showHelp(shown) {
  help.hidden = !shown;
  helpButton.setAttribute("aria-expanded", String(shown));
}

function count(name) {
  const ticked = boxes(name).filter((box) => box.checked).length;
  all(`[data-compte="${CSS.escape(name)}"]`).forEach((place) => { place.textContent = String(ticked); });
  all(`[data-besoin="${CSS.escape(name)}"]`).forEach((button) => { button.disabled = ticked === 0; });
  all(`input[data-tout="${CSS.escape(name)}"]`).forEach((box) => {
    box.checked = ticked > 0 && ticked === boxes(name).length;
    box.indeterminate = ticked > 0 && !box.checked;
  });
}

function walk(step) {
  const rows = all("tr[data-href]");
  if (!rows.length) { return; }
  const at = rows.indexOf(document.activeElement.closest("tr[data-href]"));
  const next = at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + step));
  rows[next].focus();
  rows[next].scrollIntoView({ block: "nearest" });
}

function press(event) {
  const field = event.target.closest("input:not([type=checkbox], [type=radio]), select, textarea");
  if (event.key === "Escape") {
    showHelp(false);
    if (field) { field.blur(); }
    return;
  }
  if (field || event.ctrlKey || event.metaKey || event.altKey) { return; }
  const row = event.target.closest("tr[data-href]");
  const wanted = document.querySelector(`[data-touche="${CSS.escape(event.key)}"]`);
  const filter = document.querySelector("[data-filtre]");
  if (event.key === "?") { showHelp(help.hidden); }
  else if (event.key === "j") { walk(1); }
  else if (event.key === "k") { walk(-1); }
  else if (event.key === "/" && filter) { filter.focus(); filter.select?.(); }
  else if (event.key === "Enter" && row && event.target === row) { location.assign(row.dataset.href); }
  else if (event.key === "x" && row) { row.querySelector("input[type=checkbox]")?.click(); }
  else if (wanted) {
    wanted.matches("input, select, textarea") ? wanted.focus() : wanted.click();
    document.getElementById(wanted.dataset.vers)?.focus();
  }
  else { return; }
  event.preventDefault();
}

if (help && helpButton) {
  if (document.activeElement === document.body) { // inside Airflow's frame, the keys would go to Airflow
    window.focus();
    document.getElementById("contenu").focus({ preventScroll: true });
  }
  document.addEventListener("keydown", press);
  helpButton.addEventListener("click", () => showHelp(help.hidden));
}
all("tr[data-href]").forEach((row) => { row.tabIndex = -1; });
all("input[data-tout]").forEach((box) => {
  const name = box.dataset.tout;
  box.addEventListener("change", () => {
    const ticked = box.checked;
    boxes(name).forEach((one) => { one.checked = ticked; });
    count(name);
  });
  boxes(name).forEach((one) => one.addEventListener("change", () => count(name)));
  count(name);
});
all("form[data-une-fois]").forEach((form) => {
  form.addEventListener("submit", (event) => {
    if (form.dataset.envoye) { event.preventDefault(); }
    form.dataset.envoye = "oui";
  });
});
window.addEventListener("pageshow", () => all("form[data-une-fois]").forEach((form) => { delete form.dataset.envoye; }));
