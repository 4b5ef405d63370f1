// The console works without this file; it adds the keyboard and guards what was typed.
import { startPalette } from "./palette.js";
import { startLists } from "./lists.js";
import { startForms } from "./forms.js";
import { startSheets } from "./sheet_cells.js";

const FOLDED = "console-menu-folded";

function startMenu() {
  const button = document.querySelector("[data-menu-fold]");
  if (!button) return;
  const show = (folded) => {
    document.body.classList.toggle("menu-narrow", folded);
    button.setAttribute("aria-pressed", String(folded));
  };
  button.hidden = false;
  show(localStorage.getItem(FOLDED) === "yes");
  button.addEventListener("click", () => {
    const folded = !document.body.classList.contains("menu-narrow");
    localStorage.setItem(FOLDED, folded ? "yes" : "no");
    show(folded);
  });
}

/** What has just happened is said once: loading the page again does not repeat it. */
function forgetNews() {
  const here = new URL(location.href);
  if (!here.searchParams.has("done")) return;
  here.searchParams.delete("done");
  here.searchParams.delete("count");
  history.replaceState(null, "", here);
}

function startCopying() {
  for (const text of document.querySelectorAll("[data-copy]")) {
    text.addEventListener("click", () => navigator.clipboard?.writeText(text.textContent));
  }
}

startMenu();
startPalette();
startLists();
startForms();
startSheets();
startCopying();
forgetNews();
