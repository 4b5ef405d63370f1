// The owner sends an order and gives a part of the money back; the shopper's page follows.
import assert from 'node:assert/strict';
import test from 'node:test';
import { visiting } from '../lib/browser.mjs';
import { Owner } from '../lib/owner.mjs';
import { Shopper } from '../lib/shopper.mjs';
import { freshEmail } from '../lib/world.mjs';

for (const scripts of [true, false]) {
  test(`the owner ships an order and refunds a part, and the shopper sees both, ${scripts ? 'with' : 'without'} scripts`, () => visiting({ scripts }, async (page) => {
    const shopper = new Shopper(page, { scripts });
    const order = await shopper.buys('longroom-bat-mallet', { email: freshEmail('customer') });
    const now = page.locator('.timeline [aria-current=step] .timeline-label');
    assert.equal(await now.innerText(), 'Being made ready', 'nothing is on its way before it has left');

    await visiting({ scripts }, async (desk, place) => {
      const owner = new Owner(desk, place);
      await owner.signsIn();
      await owner.findsOrder(order.number);
      await owner.ships({ carrier: 'Demo Post', tracking: 'DP 1234 5678' });
      await owner.sees('Shipped');

      await owner.asksRefund({ goodwill: '5.00', reason: 'The handle was scratched' });
      await owner.sees('£5.00');
      await owner.confirmsRefund('£5.00');
    });

    await page.reload();
    await shopper.isAt('Your order is on its way');
    assert.equal(await now.innerText(), 'On its way');
    await shopper.sees('Demo Post');
    await shopper.sees('DP 1234 5678');
    const refund = page.locator('.payments li').filter({ hasText: 'Refund' });
    const until = Date.now() + 15_000;
    while (!(await refund.isVisible())) {
      assert.ok(Date.now() < until, 'the refund does not show');
      await page.reload();
    }
    await refund.getByText('£5.00').waitFor();
  }));
}

test('an order is found by its number, its e-mail address, its name and an SKU in it', () => visiting({}, async (page) => {
  const email = freshEmail('findable');
  const order = await new Shopper(page).buys('longroom-bat-mallet', { email });
  await visiting({}, async (desk, place) => {
    const owner = new Owner(desk, place);
    await owner.signsIn();
    for (const asked of [order.number, email, 'Robin Sample', 'LON048', 'status:confirmed total:>10']) {
      await owner.findsOrder(order.number, asked);
    }
    await owner.goesTo('Orders');
    await desk.getByRole('searchbox').fill('LON001-SH-1134');
    await desk.getByRole('button', { name: 'Search' }).click();
    await desk.waitForURL(/q=LON001/);
    assert.equal(await desk.getByRole('link', { name: order.number, exact: true }).count(), 0, 'another SKU does not find it');
  });
}));

test('the console is closed to everybody else', () => visiting({}, async (page, place) => {
  for (const path of ['/console', '/console/orders']) {
    await page.goto(path);
    await page.getByRole('heading', { level: 1, name: 'Sign in to the console' }).waitFor();
  }
  await page.getByLabel('E-mail').fill(place.owner.email);
  await page.getByLabel('Password').fill('not the password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('The e-mail address or the password is wrong.').waitFor();
  assert.equal(await page.getByRole('navigation', { name: 'Console' }).count(), 0);
}));
