// Lists from the keyboard: j and k move, x ticks, Enter opens, Escape lets go, / goes to the search box.

const typing = (target) => target.closest("input:not([type=checkbox]), textarea, select, [contenteditable], dialog");

const boxes = (form) => [...form.querySelectorAll("tbody input[name=ids]")];

function count(form) {
  const bulk = form.querySelector("[data-bulk]");
  const everything = form.querySelector("[data-bulk-all]");
  const ticked = boxes(form).filter((box) => box.checked).length;
  const words = form.querySelector("[data-bulk-count]");
  if (everything?.checked) words.textContent = `${everything.dataset.bulkAll}:`;
  else if (ticked === 0) words.textContent = `Tick ${bulk.dataset.bulk} to change many at once.`;
  else words.textContent = ticked === 1 ? "This 1:" : `These ${ticked}:`;
  const nothing = ticked === 0 && !everything?.checked;
  for (const button of bulk.querySelectorAll("button")) button.hidden = nothing;
  if (everything) everything.closest("label").hidden = nothing;
  const all = form.querySelector("[data-tick-all]");
  all.checked = ticked > 0 && ticked === boxes(form).length;
  all.indeterminate = ticked > 0 && !all.checked;
}

function startTicks(form) {
  const all = form.querySelector("[data-tick-all]");
  const everything = form.querySelector("[data-bulk-all]");
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes(form)) box.checked = all.checked;
  });
  form.addEventListener("change", ({ target }) => {
    // Whoever unticks one does not mean all that match.
    if (everything && target.name === "ids" && !target.checked) everything.checked = false;
    if (everything && target === everything && everything.checked) for (const box of boxes(form)) box.checked = true;
    count(form);
  });
  count(form);
}

/** Takes back ticks; answers whether there were any. */
function untick() {
  const ticked = [...document.querySelectorAll(".bulk-form input[type=checkbox]:checked")];
  for (const box of ticked) box.checked = false;
  document.querySelectorAll(".bulk-form").forEach(count);
  return ticked.length > 0;
}

/** Folds what is open over the list; answers whether something was. */
function fold() {
  const open = document.querySelector(".filter-more[open]");
  if (!open) return false;
  open.open = false;
  open.querySelector("summary").focus();
  return true;
}

export function startLists() {
  document.querySelectorAll(".bulk-form").forEach(startTicks);
  const rows = [...document.querySelectorAll("[data-list] tbody tr[data-href]")];
  let here = -1;
  const leave = () => {
    if (here < 0) return false;
    rows[here].classList.remove("is-here");
    here = -1;
    document.activeElement?.blur();
    return true;
  };
  const move = (to) => {
    rows[here]?.classList.remove("is-here");
    here = Math.max(0, Math.min(to, rows.length - 1));
    const row = rows[here];
    row.classList.add("is-here");
    row.querySelector("td a")?.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.key === "Escape") {
      if (event.target.closest("dialog")) return;
      if (event.target.matches("[data-search]")) event.target.blur();
      else if (!fold() && !untick()) leave();
      return;
    }
    if (typing(event.target)) return;
    if (event.key === "/") {
      const box = document.querySelector("[data-search]");
      if (!box) return;
      event.preventDefault();
      box.focus();
      box.select();
      return;
    }
    if (rows.length === 0) return;
    if (event.key === "j") move(here + 1);
    else if (event.key === "k") move(here < 0 ? 0 : here - 1);
    else if (event.key === "x" && here >= 0) rows[here].querySelector("input[name=ids]")?.click();
    else if (event.key === "Enter" && here >= 0 && event.target === document.body) location.href = rows[here].dataset.href;
    else return;
    event.preventDefault();
  });
}
