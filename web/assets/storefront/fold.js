// Menus and sheets made of <details>: Escape and a click elsewhere close them, one is open at a time.
const folds = () => [...document.querySelectorAll("details[data-fold][open]")];

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const fold of folds()) {
    fold.open = false;
    fold.querySelector("summary").focus();
  }
});

document.addEventListener("click", (event) => {
  for (const fold of folds()) {
    if (!fold.contains(event.target)) fold.open = false;
  }
});
