// Ten pieces, and somebody buys them while another shopper still has one in the basket.
import assert from 'node:assert/strict';
import test from 'node:test';
import { visiting } from '../lib/browser.mjs';
import { Shopper } from '../lib/shopper.mjs';
import { freshEmail } from '../lib/world.mjs';

const SLUG = 'the-last-ball';

test('when the last ball is sold the product says so, and a basket says so before anybody pays', () => visiting({}, async (page) => {
  const late = new Shopper(page);
  await late.puts(SLUG);
  await late.opensBasket();
  await late.doesNotSee(/not available/i);

  await visiting({}, (other) => new Shopper(other).buys(SLUG, { email: freshEmail('quick'), pieces: 10 }));

  await late.opens(`/p/${SLUG}`);
  await late.sees('Out of stock');
  assert.ok(await page.getByRole('button', { name: 'Out of stock' }).isDisabled());

  await late.opens('/cart');
  await late.sees('Not everything is there any more.');
  await late.sees('Not available at the moment');
  assert.equal(await page.getByRole('link', { name: 'Check out' }).count(), 0, 'there is no way to the till');
  await late.presses(/^Remove/);
  await late.sees('Your basket is empty');
}));

test('that the shop does not deliver somewhere is told in the basket, before the checkout', () => visiting({}, async (page) => {
  const shopper = new Shopper(page);
  await shopper.puts('longroom-linseed-oil');
  await shopper.opensBasket();
  await page.getByText('Estimate delivery').click();
  const country = page.getByRole('combobox', { name: 'Country' });
  assert.equal(await country.locator('option').first().innerText(), 'United Kingdom', 'where it delivers stands first');
  await country.selectOption({ label: 'New Zealand' });
  await shopper.presses('Estimate');
  await shopper.sees('We do not deliver to New Zealand. We deliver to the United Kingdom.');
  assert.equal(await country.inputValue(), 'NZ', 'what was chosen is kept');
  await country.selectOption({ label: 'United Kingdom' });
  await shopper.presses('Estimate');
  await shopper.sees(/^Standard, /);
}));
