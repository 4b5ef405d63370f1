// While a payment is being confirmed the page looks again by itself: a few times, then rarely, then not.
const place = document.querySelector("[data-poll]");
let seconds = Number(place?.dataset.poll || 8);
let left = 20;

async function look() {
  if (left-- <= 0) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.ok && !page.querySelector("[data-poll]")) {
      location.reload();
      return;
    }
  } catch {
    // Offline for a moment: the next look will tell.
  }
  seconds = Math.min(seconds * 1.3, 60);
  setTimeout(look, seconds * 1000);
}

setTimeout(look, seconds * 1000);
