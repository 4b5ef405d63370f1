// Ctrl+K or ⌘K: to any page, order, product, customer or action, or to a search, from the keyboard.

/** Pages of the menu, in its order. */
function pages() {
  const links = document.querySelectorAll(".menu-group a");
  return [...links].map((link) => ({ label: link.textContent.trim(), href: link.getAttribute("href"), about: "page" }));
}

/** Actions of this page: its own links and the single next step. */
function steps() {
  const links = document.querySelectorAll(".head-actions a.button");
  return [...links].map((link) => ({ label: link.textContent.trim(), href: link.getAttribute("href"), about: "here" }));
}

function searches(words) {
  const asked = encodeURIComponent(words);
  return [{ label: `Search everything for “${words}”`, href: `/console/search?q=${asked}`, about: "search" }];
}

/** What stands on this page already and fits the words. */
function fitting(words) {
  const parts = words.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (entry) => parts.every((part) => entry.label.toLowerCase().includes(part));
  return [...steps(), ...pages()].filter(fits);
}

/** Long enough that nobody waits, short enough that a word is asked for once. */
const PAUSE_MS = 120;

/** Asks the server for records that fit the words; only the last question is answered. */
function asking(answer) {
  let timer = 0;
  let under = new AbortController();
  return (words) => {
    clearTimeout(timer);
    under.abort();
    under = new AbortController();
    const { signal } = under;
    if (!words) return;
    timer = setTimeout(async () => {
      try {
        const reply = await fetch(`/console/jump?q=${encodeURIComponent(words)}`, { signal, headers: { Accept: "application/json" } });
        if (reply.ok) answer((await reply.json()).data, words);
      } catch {
        // The next letter asks again; the search below finds the same.
      }
    }, PAUSE_MS);
  };
}

function build() {
  const dialog = document.createElement("dialog");
  dialog.className = "palette";
  dialog.setAttribute("aria-label", "Search or jump to");
  dialog.innerHTML =
    '<form method="dialog"><input type="search" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-label="Search or jump to" autocomplete="off"></form>' +
    '<ul id="palette-list" role="listbox" aria-label="Where to"></ul>' +
    '<p class="palette-help">↑ ↓ choose, Enter goes, Esc closes. In lists: j, k, x, Enter, Esc, and / for the search box.</p>';
  document.body.append(dialog);
  return dialog;
}

export function startPalette() {
  const openers = document.querySelectorAll("[data-palette-open]");
  if (openers.length === 0 || typeof HTMLDialogElement === "undefined") return;
  const dialog = build();
  const box = dialog.querySelector("input");
  const list = dialog.querySelector("ul");
  let chosen = 0;

  const mark = () => {
    const links = [...list.querySelectorAll("a")];
    chosen = Math.max(0, Math.min(chosen, links.length - 1));
    links.forEach((link, place) => link.setAttribute("aria-selected", String(place === chosen)));
    const current = links[chosen];
    if (current) {
      box.setAttribute("aria-activedescendant", current.id);
      current.scrollIntoView({ block: "nearest" });
    }
  };
  const show = (found = []) => {
    const words = box.value.trim();
    const known = fitting(words);
    const fresh = found.filter((entry) => known.every((other) => other.href !== entry.href));
    const all = [...known, ...fresh, ...(words ? searches(words) : [])];
    const rows = all.map((entry, place) => {
      const row = document.createElement("li");
      row.setAttribute("role", "presentation");
      const link = document.createElement("a");
      link.href = entry.href;
      link.id = `palette-${place}`;
      link.setAttribute("role", "option");
      link.tabIndex = -1;
      link.textContent = entry.label;
      if (entry.more) {
        const more = document.createElement("small");
        more.textContent = entry.more;
        link.append(more);
      }
      const about = document.createElement("span");
      about.textContent = entry.about;
      link.append(about);
      row.append(link);
      return row;
    });
    list.replaceChildren(...rows);
    mark();
  };
  const ask = asking((found, words) => {
    if (words === box.value.trim()) show(found);
  });
  const open = () => {
    box.value = "";
    chosen = 0;
    show();
    dialog.showModal();
    box.focus();
  };

  box.addEventListener("input", () => {
    chosen = 0;
    show();
    ask(box.value.trim());
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      chosen += event.key === "ArrowDown" ? 1 : -1;
      mark();
    } else if (event.key === "Enter") {
      event.preventDefault();
      list.querySelectorAll("a")[chosen]?.click();
    }
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  for (const opener of openers) {
    opener.addEventListener("click", (event) => {
      event.preventDefault();
      open();
    });
  }
  const apple = /Mac|iPhone|iPad/.test(navigator.platform);
  for (const keys of document.querySelectorAll("[data-keys]")) {
    keys.hidden = false;
    keys.textContent = apple ? "⌘K" : "Ctrl K";
  }
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (dialog.open) dialog.close();
      else open();
    }
  });
}
