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
  await page.goto('/hi/p/kestrel-stoop-limited');
  for (const group of await page.locator('fieldset.option').all()) {
    await group.locator('.pick:not(.is-out, .is-elsewhere) input').first().check();
  }
  assert.equal(await page.locator('[data-price] .price-now').innerText(), '₹63,499');
  await page.locator('form[data-add] [name=quantity]').fill('2');
  await page.locator('form[data-add] button[type=submit]').click();
  await page.locator('.add-result .notice-done').waitFor();
  for (const prefix of ['/hi', '/en']) {
    await page.goto(`${prefix}/cart`);
    assert.equal(await page.locator('.totals-total dd').innerText(), '₹1,26,998.00');
  }
}));

test('the switch of languages leads to the same page in the other one', () => visiting({ slug: 'maidan' }, async (page) => {
  await page.goto('/hi/c/bats');
  await page.locator('.languages').getByRole('link', { name: 'English' }).click();
  await page.getByRole('heading', { level: 1, name: 'Bats' }).waitFor();
  assert.equal(await page.locator('html').getAttribute('lang'), 'en-IN');
}));
