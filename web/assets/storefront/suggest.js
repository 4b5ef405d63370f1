// Suggestions under the search box: a combobox with a list, after a short pause in typing.
const pause = 150;

for (const form of document.querySelectorAll("form[data-suggest]")) {
  const input = form.querySelector("input[type=search]");
  const list = document.createElement("div");
  list.id = `${input.id}-list`;
  list.className = "suggest";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", input.labels[0]?.textContent || "");
  list.hidden = true;
  form.append(list);
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-controls", list.id);
  input.setAttribute("aria-expanded", "false");

  let timer;
  let request;
  let current = -1;

  function close() {
    list.hidden = true;
    current = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function mark(index) {
    const options = [...list.children];
    current = (index + options.length) % options.length;
    options.forEach((option, each) => option.setAttribute("aria-selected", String(each === current)));
    input.setAttribute("aria-activedescendant", options[current].id);
    options[current].scrollIntoView({ block: "nearest" });
  }

  function take(option) {
    if (option.dataset.href) {
      location.assign(option.dataset.href);
    } else {
      input.value = option.dataset.text;
      form.requestSubmit();
    }
  }

  // A later answer leaves the mark on what was marked, if that is still among the suggestions.
  function show(entries) {
    const marked = list.children[current]?.dataset.text;
    list.replaceChildren(...entries.slice(0, 8).map((entry, index) => {
      const option = document.createElement("div");
      option.id = `${list.id}-${index}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.textContent = entry.text;
      option.dataset.text = entry.text;
      const base = document.body.dataset.base || "";
      if (entry.slug && entry.kind === "product") option.dataset.href = `${base}/p/${encodeURIComponent(entry.slug)}`;
      if (entry.slug && entry.kind === "category") {
        option.dataset.href = `${base}/c/${entry.slug.split("/").map(encodeURIComponent).join("/")}`;
      }
      return option;
    }));
    current = -1;
    input.removeAttribute("aria-activedescendant");
    list.hidden = entries.length === 0;
    input.setAttribute("aria-expanded", String(entries.length > 0));
    const again = [...list.children].findIndex((option) => option.dataset.text === marked);
    if (again >= 0) mark(again);
  }

  async function ask() {
    const words = input.value.trim();
    request?.abort();
    if (words.length < 2) return close();
    request = new AbortController();
    try {
      const answer = await fetch(`${form.dataset.suggest}?q=${encodeURIComponent(words)}`, { signal: request.signal });
      if (answer.ok) show((await answer.json()).data || []);
    } catch {
      // No suggestions is no failure: the search itself still works.
    }
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, pause);
  });
  input.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    if (event.key === "ArrowDown") { event.preventDefault(); mark(current + 1); }
    if (event.key === "ArrowUp") { event.preventDefault(); mark(current < 0 ? -1 : current - 1); }
    if (event.key === "Escape") { event.preventDefault(); close(); }
    if (event.key === "Enter" && current >= 0) { event.preventDefault(); take(list.children[current]); }
  });
  input.addEventListener("blur", () => setTimeout(close, 150));
  // Before the input loses the focus, or the list would be gone.
  list.addEventListener("mousedown", (event) => {
    const option = event.target.closest("[role=option]");
    event.preventDefault();
    if (option) take(option);
  });
}
