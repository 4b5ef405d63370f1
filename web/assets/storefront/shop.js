// Loads what this page has a use for. Every path through the shop works without any of it.
const features = [
  ["details[data-fold]", () => import("./fold.js")],
  ["form[data-suggest]", () => import("./suggest.js")],
  ["form[data-auto-submit]", () => import("./filters.js")],
  ["form[data-compare]", () => import("./compare.js")],
  ["form[data-add]", () => import("./product.js")],
  ["[data-stepper]", () => import("./stepper.js")],
  ["[data-gallery]", () => import("./gallery.js")],
  ["form[data-once]", () => import("./once.js")],
  ["form[data-country-form], [data-billing]", () => import("./address.js")],
  ["[data-poll]", () => import("./poll.js")],
];

for (const [selector, load] of features) {
  if (document.querySelector(selector)) load();
}
