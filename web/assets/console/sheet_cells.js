// A sheet of cells: arrows and Enter move, a pasted range fills cells to the right and below, Escape puts back.

const cellsOf = (row) => [...row.querySelectorAll("input:not([type=hidden])")];

/** Rows of cells as spreadsheets put them on the clipboard: tabs between cells, line ends between rows. */
export function readRange(text) {
  const lines = text.replace(/\r\n?/g, "\n").replace(/\n$/, "").split("\n");
  return lines.map((line) => line.split("\t").map((cell) => cell.trim()));
}

/** Amounts come as they are shown there: with a sign of currency, and with commas between thousands. */
function plain(text) {
  const bare = text.replace(/^[^\d.,-]+|[^\d.,]+$/g, "");
  return bare === "" ? text : bare;
}

function fill(grid, row, column, range) {
  range.forEach((values, down) => {
    values.forEach((value, right) => {
      const cell = grid[row + down]?.[column + right];
      if (!cell) return;
      cell.value = plain(value);
      cell.dispatchEvent(new Event("input", { bubbles: true }));
    });
  });
}

function startSheet(table) {
  const form = table.closest("form");
  const grid = [...table.tBodies[0].rows].map(cellsOf);
  const place = (cell) => {
    const row = grid.findIndex((cells) => cells.includes(cell));
    return { row, column: grid[row]?.indexOf(cell) ?? -1 };
  };
  const go = (row, column) => {
    const cell = grid[row]?.[column];
    cell?.focus();
    cell?.select();
    return Boolean(cell);
  };
  const words = document.createElement("span");
  words.className = "sheet-count";
  words.setAttribute("aria-live", "polite");
  form.querySelector(".form-go")?.append(words);
  const tell = () => {
    const changed = table.querySelectorAll("input.is-changed").length;
    words.textContent = changed === 0 ? "" : changed === 1 ? "1 cell changed" : `${changed} cells changed`;
  };
  table.addEventListener("input", ({ target }) => {
    target.classList.toggle("is-changed", target.value !== target.defaultValue);
    tell();
  });
  table.addEventListener("paste", (event) => {
    const text = event.clipboardData.getData("text/plain");
    const { row, column } = place(event.target);
    if (row < 0 || !/[\t\n]/.test(text.trimEnd())) return;
    event.preventDefault();
    fill(grid, row, column, readRange(text));
  });
  table.addEventListener("keydown", (event) => {
    const { row, column } = place(event.target);
    if (row < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && event.target.value !== event.target.defaultValue) {
      event.target.value = event.target.defaultValue;
      event.target.dispatchEvent(new Event("input", { bubbles: true }));
    } else if (event.key === "ArrowDown" || (event.key === "Enter" && !event.shiftKey)) go(row + 1, column);
    else if (event.key === "ArrowUp" || event.key === "Enter") go(row - 1, column);
    else return;
    event.preventDefault();
  });
}

export function startSheets() {
  document.querySelectorAll("[data-sheet]").forEach(startSheet);
}
