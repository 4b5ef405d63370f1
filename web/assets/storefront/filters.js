// A ticked filter, a moved slider, another order: the list changes in place, the address with it.
// In the sheet of a phone the choice is sent with its button instead.
import { announce } from "./announce.js";
import { build } from "./slider.js";

let request;

// The form as a query, without what was left empty.
function address(form) {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (value !== "") query.append(name, value);
  }
  return `${form.action.split("?")[0]}?${query}`;
}

async function load(url, remember) {
  request?.abort();
  request = new AbortController();
  const results = document.querySelector(".list-results");
  results.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(url, { signal: request.signal, headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector(".list-page");
    if (!answer.ok || !fresh) throw new Error("not a list");
    replace(fresh);
    if (remember) history.pushState(null, "", url);
    announce(document.getElementById("list-count")?.textContent);
  } catch (error) {
    if (error.name !== "AbortError") location.assign(url);
  }
}

// Focus, open groups and what is ticked for a comparison stay as they are.
function replace(fresh) {
  const focused = document.activeElement?.id;
  for (const facet of document.querySelectorAll("details.facet")) {
    const name = facet.querySelector("summary").textContent;
    const twin = [...fresh.querySelectorAll("details.facet")].find((each) => each.querySelector("summary").textContent === name);
    if (twin) twin.open = facet.open;
  }
  for (const box of document.querySelectorAll('input[form="compare"]:checked')) {
    const twin = [...fresh.querySelectorAll('input[form="compare"]')].find((each) => each.value === box.value);
    if (twin) twin.checked = true;
  }
  document.querySelector(".list-page").replaceWith(fresh);
  document.dispatchEvent(new Event("list-replaced"));
  start();
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

function start() {
  const form = document.querySelector("form[data-auto-submit]");
  if (!form) return;
  for (const place of form.querySelectorAll("[data-range]")) build(place);
  const inSheet = (target) => target.closest(".sheet");
  const changed = (event) => {
    if (!inSheet(event.target) && form.reportValidity()) load(address(form), true);
  };
  form.addEventListener("change", changed);
  // The order stands outside the form it belongs to.
  document.getElementById("sort")?.addEventListener("change", changed);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    load(address(form), true);
  });
}

start();
window.addEventListener("popstate", () => load(location.href, false));
