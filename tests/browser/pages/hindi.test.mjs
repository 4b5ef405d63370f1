// A shop in Hindi: words, numbers grouped as in India, and room for both on a phone.
import assert from 'node:assert/strict';
import test from 'node:test';
import { SHELLS, picture, visiting } from '../lib/browser.mjs';
import { fits } from '../lib/inspect.mjs';
import { storefrontWalk, walks } from '../lib/walk.mjs';

const DEVANAGARI = /[\u0900-\u097f]/;

for (const shell of Object.keys(SHELLS)) {
  test(`a shop in Hindi on a ${shell}`, (t) => visiting({ slug: 'maidan', shell }, async (page) => {
    await walks(t, page, storefrontWalk({ at: '/hi', country: 'IN' }), async (name) => {
      await picture(page, `hindi ${shell} ${name}`);
      assert.equal(await page.locator('html').getAttribute('lang'), 'hi-IN');
      assert.match(await page.locator('h1').first().innerText(), DEVANAGARI);
      await fits(page);
    });
  }));
}

test('amounts in rupees are grouped by lakhs and thousands, in Hindi and in English', () => visiting({ slug: 'maidan' }, async (page) => {
  for (const prefix of ['/hi', '/en']) {
    await page.goto(`${prefix}/p/maidan-works-net-ball`);
    await page.locator('.pick', { hasText: '6' }).locator('input').check();
    const quantity = page.locator('form[data-add] [name=quantity]');
    await quantity.fill('10');
    await page.locator('form[data-add] button[type=submit]').click();
    await page.locator('.add-result .notice-done').waitFor();
  }
  await page.goto('/en/cart');
  const english = await page.locator('.totals-total dd').innerText();
  await page.goto('/hi/cart');
  const hindi = await page.locator('.totals-total dd').innerText();
  for (const amount of [english, hindi]) assert.match(amount, /^₹\s?[1-9०-९]\d?,\d{2},\d{3}(\.\d{2})?$/);
}));

test('the switch of languages leads to the same page in the other one', () => visiting({ slug: 'maidan' }, async (page) => {
  await page.goto('/hi/c/bats');
  await page.locator('.languages').getByRole('link', { name: 'English' }).click();
  await page.getByRole('heading', { level: 1, name: 'Bats' }).waitFor();
  assert.equal(await page.locator('html').getAttribute('lang'), 'en-IN');
}));
