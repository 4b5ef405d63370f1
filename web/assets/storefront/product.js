// The choice of options moves price, stock and article number; adding confirms in place.
import { announce, showCount } from "./announce.js";

for (const form of document.querySelectorAll("form[data-add]")) {
  const variants = JSON.parse(form.dataset.variants || "[]");
  const page = form.closest(".product-words") || document;
  const button = form.querySelector("button[type=submit]");
  const label = form.querySelector("[data-add-label]");
  const result = form.querySelector("[data-add-result]");
  const words = { add: label?.textContent };

  const radios = [...form.querySelectorAll("input[type=radio]")];
  const codeOf = (input) => input.name.replace(/^option\./, "");
  const chosen = () => Object.fromEntries(
    radios.filter((input) => input.checked).map((input) => [codeOf(input), input.value]),
  );
  const fits = (variant, choice) => Object.entries(choice).every(([code, value]) => variant.options[code] === value);

  // Each value says how it stands together with the other choices.
  function markValues(choice) {
    for (const input of radios) {
      const wanted = { ...choice, [codeOf(input)]: input.value };
      const fitting = variants.filter((each) => fits(each, wanted));
      const variant = fitting.find((each) => each.sellable) || fitting[0];
      const pick = input.closest(".pick");
      pick.classList.toggle("is-out", Boolean(variant) && !variant.sellable);
      pick.classList.toggle("is-elsewhere", !variant);
      const note = pick.querySelector("[data-stock-note]");
      note.textContent = variant ? (variant.class === "stock-in" ? "" : variant.stock) : form.dataset.elsewhere;
    }
  }

  // What was chosen last holds: earlier choices that do not go with it are given up, and where only one
  // value is left, that is it.
  function reconcile(last) {
    let choice = chosen();
    if (last && !variants.some((each) => fits(each, choice))) {
      const kept = { [codeOf(last)]: last.value };
      for (const [code, value] of Object.entries(choice)) {
        const tried = { ...kept, [code]: value };
        if (variants.some((each) => fits(each, tried))) kept[code] = value;
      }
      choice = kept;
      for (const input of radios) input.checked = choice[codeOf(input)] === input.value;
    }
    for (const code of new Set(radios.map(codeOf))) {
      if (choice[code] !== undefined) continue;
      const values = radios.filter((input) => codeOf(input) === code);
      const left = values.filter((input) => variants.some((each) => fits(each, { ...choice, [code]: input.value })));
      if (last && left.length === 1) {
        left[0].checked = true;
        choice[code] = left[0].value;
      }
    }
    return choice;
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

  // As the page came, for a choice that is not complete again.
  const price = page.querySelector("[data-price] .price");
  const stock = form.querySelector("[data-stock]");
  const open = { price: price?.cloneNode(true), stock: stock.cloneNode(true), disabled: button.disabled, label: label.textContent };

  function showOpen() {
    page.querySelector("[data-price] .price")?.replaceWith(open.price.cloneNode(true));
    form.querySelector("[data-stock]").replaceWith(open.stock.cloneNode(true));
    button.disabled = open.disabled;
    label.textContent = open.label;
  }

  function choose(last) {
    const choice = reconcile(last);
    markValues(choice);
    const groups = new Set(radios.map((input) => input.name)).size;
    const variant = variants.find((each) => fits(each, choice));
    if (Object.keys(choice).length === groups && variant) {
      showPrice(variant);
      showStock(variant);
    } else if (last) {
      showOpen();
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
    form.addEventListener("change", (event) => event.target.type === "radio" && choose(event.target));
    choose();
  }
  form.addEventListener("submit", add);
}
