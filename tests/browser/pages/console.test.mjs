// Every page of the console that a link leads to, and the steps of one order: accessible as far as axe
// can tell in both colour schemes, on a desktop and on a phone, and no wider than the window.
import assert from 'node:assert/strict';
import test from 'node:test';
import { SHELLS, visiting } from '../lib/browser.mjs';
import { fits, isAccessible, panelsFit } from '../lib/inspect.mjs';
import { Owner } from '../lib/owner.mjs';
import { Shopper } from '../lib/shopper.mjs';
import { freshEmail } from '../lib/world.mjs';

/** Pages of one kind are looked at once: `/console/orders/order_01…` is `/console/orders/…`. */
const kind = (path) => path.replace(/\/[a-z_]+_[0-9a-z]{26}(?=\/|$)/g, '/…').replace(/\/rates\/(?!new$)[^/]+$/, '/rates/…');

/** Where the links of the page lead within the console, files to download left out. */
const links = (page) => page.locator('a[href^="/console"]').evaluateAll((all) => all
  .filter((each) => !each.hasAttribute('download')).map((each) => new URL(each.href).pathname));

/** Opens an address; answers false where it is a file. */
async function opens(page, path) {
  const answer = await page.evaluate(async (url) => {
    const { status, headers } = await fetch(url, { headers: { Accept: 'text/html' } });
    return { status, type: headers.get('Content-Type') ?? '' };
  }, path);
  assert.equal(answer.status, 200, path);
  if (!answer.type.startsWith('text/html')) return false;
  await page.goto(path);
  return true;
}

/** Looks at every kind of page that can be reached by links from here on. */
async function looksAtAll(page, look) {
  const waiting = await links(page);
  const seen = new Set();
  while (waiting.length) {
    const path = waiting.shift();
    if (seen.has(kind(path))) continue;
    seen.add(kind(path));
    await look(kind(path), async () => {
      if (await opens(page, path)) waiting.push(...await links(page));
    });
  }
  return seen;
}

/** Looks at a page in both colour schemes, as a test of its own. */
const looking = (t, page, who) => (name, go) => t.test(name, async () => {
  await go();
  await fits(page);
  await panelsFit(page);
  await isAccessible(page, `${who} ${name.replaceAll('/', ' ').trim()}`);
});

for (const shell of Object.keys(SHELLS)) {
  test(`every page of the console on a ${shell}`, async (t) => {
    let order;
    await visiting({}, async (page) => {
      order = await new Shopper(page).buys('longroom-bat-mallet', { email: freshEmail('console') });
    });
    await visiting({ shell }, async (page, place) => {
      const owner = new Owner(page, place);
      const look = looking(t, page, `console ${shell}`);
      await look('the door', () => page.goto('/console'));
      await look('the door, wrong', async () => {
        await page.getByRole('button', { name: 'Sign in' }).click();
        await page.getByRole('alert').waitFor();
      });
      await owner.signsIn();
      const seen = await looksAtAll(page, look);
      for (const path of ['/console', '/console/products/…', '/console/orders/…/ship', '/console/orders/…/invoice']) {
        assert.ok(seen.has(path), `no link leads to ${path}`);
      }
      await look('orders, none found', () => page.goto('/console/orders?q=zyzzyva'));
      await look('search', () => page.goto('/console/search?q=longroom'));
      await look('an order: refund, wrong', async () => {
        await owner.findsOrder(order.number);
        await page.getByRole('link', { name: 'Refund', exact: true }).click();
        await page.getByRole('button', { name: 'See what it comes to' }).click();
        await page.getByRole('alert').waitFor();
      });
      await look('an order: refund, its effect', async () => {
        await owner.findsOrder(order.number);
        await owner.asksRefund({ goodwill: '1.00', reason: 'To see what it comes to' });
      });
    });
  });

  test(`every page of the operator's console on a ${shell}`, (t) => visiting({ slug: 'platform', shell }, async (page, place) => {
    await new Owner(page, place).signsIn('Shops');
    const seen = await looksAtAll(page, looking(t, page, `operator ${shell}`));
    assert.ok(seen.has('/console/tenants'), `the links lead to ${[...seen]}`);
  }));
}
