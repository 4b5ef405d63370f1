// Every page of the console that the menu leads to, and those of one order: accessible as far as axe
// can tell in both colour schemes, on a desktop and on a phone, and no wider than the window.
import assert from 'node:assert/strict';
import test from 'node:test';
import { SHELLS, visiting } from '../lib/browser.mjs';
import { fits, isAccessible } from '../lib/inspect.mjs';
import { Owner } from '../lib/owner.mjs';
import { Shopper } from '../lib/shopper.mjs';
import { freshEmail } from '../lib/world.mjs';

for (const shell of Object.keys(SHELLS)) {
  test(`every page of the console on a ${shell}`, async (t) => {
    let order;
    await visiting({}, async (page) => {
      order = await new Shopper(page).buys('longroom-bat-mallet', { email: freshEmail('console') });
    });
    await visiting({ shell }, async (page, place) => {
      const owner = new Owner(page, place);
      const look = (name, go) => t.test(name, async () => {
        await go();
        await fits(page);
        await isAccessible(page, `console ${shell} ${name.replaceAll('/', ' ').trim()}`);
      });
      await look('the door', () => page.goto('/console'));
      await look('the door, wrong', async () => {
        await page.getByRole('button', { name: 'Sign in' }).click();
        await page.getByRole('alert').waitFor();
      });
      await owner.signsIn();
      const hrefs = await page.locator('nav.menu .menu-group a').evaluateAll((all) => all.map((each) => each.getAttribute('href')));
      assert.ok(hrefs.includes('/console/orders'), `the menu leads to ${hrefs}`);
      for (const href of hrefs) {
        await look(href, async () => assert.equal((await page.goto(href)).status(), 200));
      }
      await look('orders, none found', () => page.goto('/console/orders?q=zyzzyva'));
      await look('search', () => page.goto('/console/search?q=longroom'));
      await look('an order', () => owner.findsOrder(order.number));
      const at = new URL(page.url()).pathname;
      assert.match(at, /\/console\/orders\/order_/);
      for (const step of ['ship', 'refund', 'cancel', 'packing-slip', 'invoice']) {
        await look(`an order: ${step}`, async () => assert.equal((await page.goto(`${at}/${step}`)).status(), 200));
      }
      await look('an order: refund, wrong', async () => {
        await page.goto(`${at}/refund`);
        await page.getByRole('button', { name: 'See what it comes to' }).click();
        await page.getByRole('alert').waitFor();
      });
      await look('an order: refund, its effect', async () => {
        await page.goto(at);
        await owner.asksRefund({ goodwill: '1.00', reason: 'To see what it comes to' });
      });
    });
  });
}
