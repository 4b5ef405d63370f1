// Two thumbs above the fields "from" and "to"; bats also say pounds and ounces.
const gramsPerOunce = 28.349523125;

function spoken(grams) {
  const ounces = Math.round(grams / gramsPerOunce);
  return `${Math.floor(ounces / 16)} lb ${ounces % 16} oz`;
}

function thumb(source, label, step) {
  const input = document.createElement("input");
  input.type = "range";
  input.min = source.min;
  input.max = source.max;
  input.step = step;
  input.setAttribute("aria-label", label);
  return input;
}

export function build(place) {
  const slot = place.querySelector("[data-slider]");
  const [low, high] = place.querySelectorAll("input[type=number]");
  if (!slot || slot.children.length > 0) return;
  const weight = place.dataset.range === "weight";
  const [min, max] = [Number(place.dataset.min), Number(place.dataset.max)];
  const name = place.querySelector("legend").textContent;
  const lower = thumb(low, `${name}: ${low.labels[0].textContent}`, 1);
  const upper = thumb(high, `${name}: ${high.labels[0].textContent}`, 1);
  const fill = document.createElement("span");
  fill.className = "slider-fill";
  slot.append(fill, lower, upper);
  const hint = place.querySelector(".hint");

  function draw() {
    const [from, to] = [Number(low.value || min), Number(high.value || max)];
    lower.value = from;
    upper.value = to;
    const share = (value) => (max > min ? ((value - min) / (max - min)) * 100 : 0);
    // Custom properties set by script are no inline style of the page.
    fill.style.setProperty("inset-inline", `${share(from)}% ${100 - share(to)}%`);
    if (weight) {
      lower.setAttribute("aria-valuetext", `${spoken(from)}, ${from} g`);
      upper.setAttribute("aria-valuetext", `${spoken(to)}, ${to} g`);
      if (hint) hint.textContent = `${spoken(from)} – ${spoken(to)}`;
    }
  }

  lower.addEventListener("input", () => {
    const value = Math.min(Number(lower.value), Number(upper.value));
    low.value = value === min ? "" : value;
    draw();
  });
  upper.addEventListener("input", () => {
    const value = Math.max(Number(lower.value), Number(upper.value));
    high.value = value === max ? "" : value;
    draw();
  });
  low.addEventListener("input", draw);
  high.addEventListener("input", draw);
  draw();
}
