// A guest finds an order by its number and e-mail address, and nobody learns from the answer which
// orders or addresses there are.
import assert from 'node:assert/strict';
import test from 'node:test';
import { visiting } from '../lib/browser.mjs';
import { Shopper } from '../lib/shopper.mjs';
import { freshEmail } from '../lib/world.mjs';

async function looksUp(shopper, number, email) {
  await shopper.opens('/orders/look-up');
  await shopper.isAt('Find an order');
  await shopper.fills({ 'Order number': number, 'E-mail': email });
  await shopper.presses('Find the order');
}

test('a guest finds an order with its number and address, and a wrong one of either gives the same answer', async () => {
  const email = freshEmail('guest');
  let order;
  await visiting({}, async (page) => {
    order = await new Shopper(page).buys('longroom-linseed-oil', { email });
  });

  // Elsewhere, without the cookie that placed it.
  await visiting({}, async (page) => {
    const shopper = new Shopper(page);
    await shopper.opens(order.path);
    await shopper.isAt('Find an order');
    await shopper.doesNotSee(order.number);

    await looksUp(shopper, order.number, email);
    await shopper.sees(order.number);
    assert.deepEqual(await shopper.readsOrder(), order);
  });

  const answers = [];
  for (const [number, address] of [[order.number, freshEmail('stranger')], ['W-999999', email]]) {
    await visiting({}, async (page) => {
      await looksUp(new Shopper(page), number, address);
      const text = await page.getByRole('main').innerText();
      answers.push(text.replaceAll(number, 'NUMBER').replaceAll(address, 'ADDRESS'));
      assert.ok(new URL(page.url()).pathname.endsWith('/orders/look-up'), page.url());
    });
  }
  assert.equal(answers[0], answers[1]);
});
