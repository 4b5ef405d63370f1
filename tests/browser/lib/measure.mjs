// What a page costs the one who looks at it.

const PICTURES = new Set(['image', 'media']);

/** Long enough for late pictures, fonts and scripts to move something. */
const SETTLED_MS = 700;

/**
 * Opens a page for the first time; answers by how much it shifted, the bytes it took before pictures, and the
 * requests that its first line waited for.
 */
export async function opensMeasured(page, path) {
  const requests = [];
  page.on('requestfinished', (request) => requests.push(request));
  await page.addInitScript(() => {
    window.shift = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await page.goto(path, { waitUntil: 'load' });
  await page.waitForTimeout(SETTLED_MS);
  const shift = await page.evaluate(() => window.shift);
  const blocking = await page.evaluate(() => performance.getEntriesByType('resource')
    .filter((each) => each.renderBlockingStatus === 'blocking').map((each) => new URL(each.name).pathname));
  let bytes = 0;
  for (const request of requests.filter((each) => !PICTURES.has(each.resourceType()))) {
    const sizes = await request.sizes();
    bytes += sizes.responseBodySize + sizes.responseHeadersSize;
  }
  return { shift, bytes, blocking };
}
