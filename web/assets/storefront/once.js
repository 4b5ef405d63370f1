// A form that moves money is sent once: the second press finds the button at work.
// The key in the form makes a second one harmless; this makes it needless.
for (const form of document.querySelectorAll("form[data-once]")) {
  const button = form.querySelector("button[type=submit]");
  const words = button.textContent;

  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    button.setAttribute("aria-disabled", "true");
    button.classList.add("is-busy");
    button.textContent = button.dataset.busy;
  });

  // Coming back by the browser's history finds the form ready again.
  window.addEventListener("pageshow", () => {
    delete form.dataset.sent;
    button.removeAttribute("aria-disabled");
    button.classList.remove("is-busy");
    button.textContent = words;
  });
}
