// As many as fit side by side can be ticked: then the others wait, and the bar counts. The list is replaced when it is
// filtered, so its boxes are looked for each time.
function count() {
  const bar = document.querySelector("form[data-compare]");
  if (!bar) return;
  const boxes = [...document.querySelectorAll('input[form="compare"]')];
  const most = Number(bar.dataset.compare);
  const chosen = boxes.filter((box) => box.checked).length;
  for (const box of boxes) box.disabled = !box.checked && chosen >= most;
  const words = bar.querySelector("[data-compare-words]");
  words.dataset.plain ||= words.textContent;
  words.textContent = chosen > 0 ? bar.dataset.chosen.replace("#", chosen) : words.dataset.plain;
}

document.addEventListener("change", (event) => {
  if (event.target.form?.id === "compare") count();
});
document.addEventListener("list-replaced", count);
// Coming back finds the boxes as they were left.
window.addEventListener("pageshow", count);
count();
