// Small pictures change the large one; the large one opens in a dialog and comes closer on a click.
for (const gallery of document.querySelectorAll("[data-gallery]")) {
  const main = gallery.querySelector("[data-zoom]");
  const picture = main?.querySelector("img");
  if (!picture) continue;

  gallery.addEventListener("click", (event) => {
    const small = event.target.closest("[data-picture]");
    if (!small || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    picture.src = small.dataset.picture;
    picture.alt = small.querySelector("img").alt;
    main.href = small.href;
    gallery.querySelector("[data-picture][aria-current]")?.removeAttribute("aria-current");
    small.setAttribute("aria-current", "true");
  });

  main.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || !window.HTMLDialogElement) return;
    event.preventDefault();
    open(main.href, picture.alt, gallery.dataset.close);
  });
}

function open(source, alt, closeWords) {
  const box = document.createElement("dialog");
  box.className = "zoom-box";
  box.setAttribute("aria-label", alt);
  const close = document.createElement("button");
  close.type = "button";
  close.className = "button";
  close.textContent = closeWords;
  const large = new Image();
  large.src = source;
  large.alt = alt;
  box.append(close, large);
  document.body.append(box);
  large.addEventListener("click", () => box.classList.toggle("is-close"));
  close.addEventListener("click", () => box.close());
  box.addEventListener("close", () => box.remove());
  box.showModal();
}
