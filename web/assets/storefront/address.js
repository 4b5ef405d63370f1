// Another country asks for other fields: they are fetched in place, what was typed stays.
// An invoice that goes elsewhere unfolds its address.
import { announce } from "./announce.js";

async function renew(form, select) {
  const body = new URLSearchParams(new FormData(form));
  body.set("update", "country");
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("form[data-country-form]");
    if (!fresh) throw new Error("no form came back");
    form.replaceChildren(...fresh.childNodes);
    document.getElementById(select.id)?.focus();
    announce(form.dataset.renewed);
  } catch {
    // The button for it does the same.
  }
}

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-country-form]");
  if (form && /(^|\.)country$/.test(event.target.name)) renew(form, event.target);
  if (event.target.matches("[data-billing-same]")) {
    const fields = document.querySelector("[data-billing-fields]");
    if (fields) fields.open = !event.target.checked;
  }
});
