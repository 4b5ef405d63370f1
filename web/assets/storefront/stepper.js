// Plus and minus beside a quantity; in the basket a new quantity sends its own form.
const pause = 600;
const waiting = new WeakMap();

function bounded(input, value) {
  const low = Number(input.min || 0);
  const high = Number(input.max || 999);
  return Math.min(high, Math.max(low, value));
}

function sendSoon(form) {
  clearTimeout(waiting.get(form));
  waiting.set(form, setTimeout(() => form.reportValidity() && form.requestSubmit(), pause));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-stepper] [data-step]");
  if (!button) return;
  const input = button.parentElement.querySelector("input");
  const value = bounded(input, Number(input.value || 0) + Number(button.dataset.step));
  if (String(value) === input.value) return;
  input.value = value;
  input.dispatchEvent(new Event("change", { bubbles: true }));
});

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-quantity]");
  if (form) sendSoon(form);
});
