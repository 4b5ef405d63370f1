// Says something to screen readers without moving the focus.
const announcer = document.getElementById("announcer");

export function announce(text) {
  if (!announcer || !text) return;
  announcer.textContent = "";
  // A region that is emptied and filled in one go is not read; the next frame is another go.
  requestAnimationFrame(() => { announcer.textContent = text; });
}

// Puts the new number of pieces on every basket in the page.
export function showCount(count) {
  for (const badge of document.querySelectorAll("[data-cart-count]")) {
    badge.hidden = count === 0;
    badge.querySelector("[data-cart-number]").textContent = count;
  }
}
