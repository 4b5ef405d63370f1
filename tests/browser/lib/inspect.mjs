// What holds on every page, whatever it shows.
import assert from 'node:assert/strict';
import { picture } from './browser.mjs';
import { violations } from './axe.mjs';

/**
 * Nothing stands outside the window: a page is read by scrolling down, not sideways. The width is the
 * device's, because a phone makes its window wider for a page that is too wide.
 */
export async function fits(page) {
  const { width } = page.viewportSize();
  const found = await page.evaluate((wide) => {
    const root = document.documentElement;
    if (root.scrollWidth <= wide) return null;
    const out = [...document.querySelectorAll('body *')].filter((each) => each.getBoundingClientRect().right > wide + 1);
    const name = (each) => `${each.tagName.toLowerCase()}${each.className ? `.${each.className}` : ''}`;
    return `${root.scrollWidth} px in a window of ${wide}: ${out.slice(0, 3).map(name).join(', ')}`;
  }, width);
  if (found) assert.fail(`the page is wider than its window: ${found}`);
}

/** No panel of the console holds more than it can show side by side. */
export async function panelsFit(page) {
  const found = await page.evaluate(() => [...document.querySelectorAll('.panel-body')]
    .filter((each) => each.scrollWidth > each.clientWidth + 1)
    .map((each) => `${each.closest('.panel').querySelector('h2')?.textContent}: ${each.scrollWidth} px in ${each.clientWidth}`));
  if (found.length) assert.fail(`panels wider than their place: ${found.join(', ')}`);
}

/** No violation in either colour scheme. */
export async function isAccessible(page, name) {
  const found = [];
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await picture(page, `${name}-${colorScheme}`);
    found.push(...(await violations(page, { onlyColours: colorScheme === 'dark' })).map((line) => `${colorScheme}: ${line}`));
  }
  await page.emulateMedia({ colorScheme: 'light' });
  if (found.length) assert.fail(found.join('\n'));
}
