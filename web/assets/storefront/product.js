// The choice of options moves price, stock and article number; adding confirms in place.
import { announce, showCount } from "./announce.js";

for (const form of document.querySelectorAll("form[data-add]")) {
  const variants = JSON.parse(form.dataset.variants || "[]");
  const page = form.closest(".product-words") || document;
  const button = form.querySelector("button[type=submit]");
  const label = form.querySelector("[data-add-label]");
  const result = form.querySelector("[data-add-result]");
  const words = { add: label?.textContent, from: form.dataset.from };

  const chosen = () => Object.fromEntries(
    [...form.querySelectorAll("input[type=radio]:checked")].map((input) => [input.name.replace(/^option\./, ""), input.value]),
  );
  const fits = (variant, choice) => Object.entries(choice).every(([code, value]) => variant.options[code] === value);

  // Each value says how it stands together with the other choices.
  function markValues(choice) {
    for (const input of form.querySelectorAll("input[type=radio]")) {
      const code = input.name.replace(/^option\./, "");
      const variant = variants.find((each) => fits(each, { ...choice, [code]: input.value }) && each.sellable)
        || variants.find((each) => fits(each, { ...choice, [code]: input.value }));
      const pick = input.closest(".pick");
      const out = !variant || !variant.sellable;
      pick.classList.toggle("is-out", out);
      const note = pick.querySelector("[data-stock-note]");
      note.textContent = variant ? (variant.class === "stock-in" ? "" : variant.stock) : form.dataset.none;
    }
  }

  function showPrice(variant) {
    const place = page.querySelector("[data-price] .price");
    if (!place) return;
    const now = place.querySelector(".price-now");
    if (now.textContent !== variant.price) announce(variant.price);
    now.textContent = variant.price;
    let before = place.querySelector(".price-before");
    if (!variant.compare_at) {
      before?.remove();
    } else {
      if (!before) {
        before = document.createElement("s");
        before.className = "price-before";
        place.append(" ", before);
      }
      before.textContent = variant.compare_at;
    }
    place.classList.toggle("is-reduced", Boolean(variant.compare_at));
  }

  function showStock(variant) {
    const place = form.querySelector("[data-stock]");
    place.className = `stock ${variant.class}`;
    place.textContent = variant.stock;
    const sku = page.querySelector("[data-sku]");
    if (sku) sku.textContent = variant.sku;
    button.disabled = !variant.sellable;
    label.textContent = variant.sellable ? form.dataset.addWords : variant.stock;
  }

  function choose() {
    const choice = chosen();
    markValues(choice);
    const groups = new Set([...form.querySelectorAll("input[type=radio]")].map((input) => input.name)).size;
    const variant = variants.find((each) => fits(each, choice));
    if (Object.keys(choice).length === groups && variant) {
      showPrice(variant);
      showStock(variant);
    }
  }

  function show(name, text) {
    const note = form.querySelector(`template[${name}]`).content.cloneNode(true);
    if (text) note.querySelector(".notice").textContent = text;
    result.replaceChildren(note);
  }

  async function add(event) {
    event.preventDefault();
    if (button.classList.contains("is-busy")) return;
    button.classList.add("is-busy");
    result.replaceChildren();
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        body: new URLSearchParams(new FormData(form)),
        headers: { Accept: "application/json" },
      });
      const kind = answer.headers.get("Content-Type") || "";
      if (answer.ok && !kind.includes("json")) {
        location.assign(answer.url);
        return;
      }
      const body = kind.includes("json") ? await answer.json() : {};
      if (answer.ok) {
        showCount(body.count ?? 0);
        show("data-added");
      } else {
        show("data-failed", body.detail || body.title);
      }
    } catch {
      show("data-failed");
    } finally {
      button.classList.remove("is-busy");
    }
  }

  form.dataset.addWords ||= words.add;
  if (variants.length > 0) {
    form.addEventListener("change", (event) => event.target.type === "radio" && choose());
    choose();
  }
  form.addEventListener("submit", add);
}
