// Lists from the keyboard: j and k move, x ticks, Enter opens, / goes to the search box.

const typing = (target) => target.closest("input:not([type=checkbox]), textarea, select, [contenteditable], dialog");

function count(form) {
  const bulk = form.querySelector("[data-bulk]");
  const ticked = form.querySelectorAll("tbody input[name=ids]:checked").length;
  const words = form.querySelector("[data-bulk-count]");
  words.textContent = ticked === 0 ? `Tick ${bulk.dataset.bulk} to change many at once.` : `${ticked} ticked:`;
  for (const button of bulk.querySelectorAll("button")) button.hidden = ticked === 0;
}

function startTicks(form) {
  const all = form.querySelector("[data-tick-all]");
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const box of form.querySelectorAll("tbody input[name=ids]")) box.checked = all.checked;
    count(form);
  });
  form.addEventListener("change", () => count(form));
  count(form);
}

export function startLists() {
  document.querySelectorAll(".bulk-form").forEach(startTicks);
  const rows = [...document.querySelectorAll("[data-list] tbody tr[data-href]")];
  let here = -1;
  const move = (to) => {
    rows[here]?.classList.remove("is-here");
    here = Math.max(0, Math.min(to, rows.length - 1));
    const row = rows[here];
    row.classList.add("is-here");
    row.querySelector("a")?.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === "/") {
      const box = document.querySelector("[data-search]");
      if (!box) return;
      event.preventDefault();
      box.focus();
      return;
    }
    if (rows.length === 0) return;
    if (event.key === "j") move(here + 1);
    else if (event.key === "k") move(here - 1);
    else if (event.key === "x" && here >= 0) rows[here].querySelector("input[name=ids]")?.click();
    else if (event.key === "Enter" && here >= 0 && event.target === document.body) location.href = rows[here].dataset.href;
    else return;
    event.preventDefault();
  });
}
