// No link of the storefront leads nowhere: from the pages a shopper sees first, every address is asked for.
import assert from 'node:assert/strict';
import test from 'node:test';
import { visiting } from '../lib/browser.mjs';
import { Shopper } from '../lib/shopper.mjs';

const FROM = [
  '/', '/c/bats', '/c/clothing', '/search?q=ball', '/search?q=zyzzyva', '/compare', '/p/longroom-nightwatch', '/p/club-batting-kit', '/cart',
  '/checkout/contact', '/orders/look-up', '/account/sign-in', '/account/register', '/pages/delivery', '/no/such/page',
];

test('every link on the pages of the storefront leads to a page', () => visiting({}, async (page, place) => {
  await new Shopper(page).puts('longroom-linseed-oil');
  const found = new Map();
  for (const from of FROM) {
    await page.goto(from);
    const links = await page.locator('a[href]').evaluateAll((all) => all.map((each) => each.href.split('#')[0]));
    // A page may lead to its own middle; that it is there is known.
    for (const link of links) if (link !== page.url() && !found.has(link)) found.set(link, from);
  }
  assert.ok(found.size > 50, `only ${found.size} links`);
  await page.goto('/pages/terms');
  const broken = [];
  for (const [link, from] of found) {
    if (!link.startsWith(place.url)) {
      broken.push(`${link} on ${from} leaves the shop`);
      continue;
    }
    const status = await page.evaluate(async (url) => (await fetch(url)).status, link);
    if (status >= 400) broken.push(`${link} on ${from}: ${status}`);
  }
  if (broken.length) assert.fail(broken.join('\n'));
}));
