// Forms: leaving with unsaved changes asks first, Ctrl+S saves, a button acts once, colours warn while they are chosen.

function startGuard(form) {
  const before = new URLSearchParams(new FormData(form)).toString();
  let leaving = false;
  const changed = () => new URLSearchParams(new FormData(form)).toString() !== before;
  form.addEventListener("input", () => form.classList.toggle("is-changed", changed()));
  form.addEventListener("submit", () => (leaving = true));
  window.addEventListener("beforeunload", (event) => {
    if (!leaving && changed()) event.preventDefault();
  });
}

function saveByKey() {
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s") return;
    const form = document.activeElement?.closest("form[data-guard]") ?? document.querySelector("form[data-guard]");
    if (!form) return;
    event.preventDefault();
    form.requestSubmit();
  });
}

/** The server would notice a second press; this saves the wait. */
function sendOnce() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
}

// Relative luminance and contrast as WCAG 2.2 defines them.
function luminance(hex) {
  const part = (at) => {
    const value = parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
}

function contrast(one, other) {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

const PAPER = "#fbf9f4";

function startColours() {
  for (const box of document.querySelectorAll("[data-colour]")) {
    const words = document.createElement("p");
    words.className = "hint";
    words.setAttribute("aria-live", "polite");
    box.closest(".field").append(words);
    const tell = () => {
      const ratio = contrast(box.value, PAPER);
      const shown = ratio.toFixed(1);
      words.className = ratio < 3 ? "error" : "hint";
      words.textContent =
        ratio < 3
          ? `${shown} : 1 on paper. Too pale to be seen well; the shop will show a darker shade where it carries text.`
          : ratio < 4.5
            ? `${shown} : 1 on paper. Good for areas; text gets a darker shade.`
            : `${shown} : 1 on paper. Good for text too.`;
    };
    box.addEventListener("input", tell);
    tell();
  }
}

export function startForms() {
  document.querySelectorAll("form[data-guard]").forEach(startGuard);
  saveByKey();
  sendOnce();
  startColours();
  document.querySelector("[data-wrong]")?.focus();
}
