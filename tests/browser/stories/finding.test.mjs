// A shopper finds a bat by its numbers: filters, order, layouts, words typed into the search.
import assert from 'node:assert/strict';
import test from 'node:test';
import { SHELLS, visiting } from '../lib/browser.mjs';
import { Shopper } from '../lib/shopper.mjs';

const names = (page) => page.locator('.list-results').getByRole('link').filter({ hasText: /^(Longroom|Fairbreak|Kestrel|Maidan Works|Silly Point) / }).allInnerTexts();

for (const shell of Object.keys(SHELLS)) {
  for (const scripts of [true, false]) {
    test(`filters and order narrow the bats on a ${shell}, ${scripts ? 'with' : 'without'} scripts`, () => visiting({ shell, scripts }, async (page) => {
      const shopper = new Shopper(page, { shell, scripts });
      await shopper.opens('/');
      await shopper.choosesDepartment('Bats');
      const all = await names(page);
      assert.ok(all.includes('Longroom Nightwatch') && all.includes('Kestrel Hover'), all.join());

      await shopper.filters('Maker', 'Kestrel');
      assert.ok((await names(page)).every((name) => name.startsWith('Kestrel ')), 'one maker is left');
      assert.equal(new URL(page.url()).searchParams.get('filter.brand'), 'Kestrel', 'the address can be sent to somebody');

      await shopper.sortsBy('Price, lowest first');
      assert.deepEqual(await names(page), ['Kestrel Hover', 'Kestrel Stoop Limited']);

      await page.locator('.chips').getByRole('link', { name: 'Clear all' }).click();
      await page.locator('.chips').waitFor({ state: 'detached' });
      assert.equal((await names(page)).length, all.length);

      await page.getByRole('link', { name: 'Show as pictures' }).click();
      await page.locator('ul.cards').first().waitFor();
      assert.equal((await names(page)).length, all.length);
    }));
  }
}

for (const scripts of [true, false]) {
  test(`the search forgives a slip of the keys, ${scripts ? 'with' : 'without'} scripts`, () => visiting({ scripts }, async (page) => {
    const shopper = new Shopper(page, { scripts });
    await shopper.opens('/');
    const search = page.getByRole(scripts ? 'combobox' : 'searchbox').first();
    await search.fill('nigthwatch');
    await search.press('Enter');
    await shopper.opensProduct('Longroom Nightwatch');
  }));
}

test('the search suggests while one types, and the keyboard takes a suggestion', () => visiting({}, async (page) => {
  const shopper = new Shopper(page);
  await shopper.opens('/');
  const search = page.getByRole('combobox').first();
  await search.pressSequentially('nightw', { delay: 40 });
  await page.getByRole('option', { name: /Nightwatch/ }).first().waitFor();
  await search.press('ArrowDown');
  await search.press('Enter');
  await shopper.isAt('Longroom Nightwatch');
}));

test('a choice of options moves the price, and its stock is told before the basket', () => visiting({}, async (page) => {
  const shopper = new Shopper(page);
  await shopper.opens('/p/longroom-signature-english-willow');
  const price = page.locator('[data-price] .price-now');
  assert.equal(await price.innerText(), 'from £349.00');
  await shopper.chooses('Size', 'Long Handle');
  await shopper.chooses('Weight', '1219 g');
  assert.equal(await price.innerText(), '£419.00');
}));

test('the choice made last holds, and what does not go with it is given up, not called sold out', () => visiting({}, async (page) => {
  const shopper = new Shopper(page);
  await shopper.opens('/p/longroom-nightwatch');
  const price = page.locator('[data-price] .price-now');
  const weight = page.getByRole('group', { name: 'Weight' });
  await shopper.chooses('Weight', '1148 g');
  await shopper.sees('not with this choice');
  await shopper.doesNotSee('Out of stock');
  // Long handles come in one weight: it is chosen with them.
  await shopper.chooses('Size', 'Long Handle');
  assert.ok(await weight.getByRole('radio', { name: '1240 g' }).isChecked());
  assert.ok(await page.getByRole('button', { name: 'Add to basket' }).isEnabled());
  assert.equal(await price.innerText(), '£197.00');
  // Short ones in several: that is open again.
  await shopper.chooses('Size', 'Short Handle');
  assert.equal(await weight.getByRole('radio', { checked: true }).count(), 0);
  assert.equal(await price.innerText(), 'from £189.00');
}));

test('sizes are words, and weights stand from the lightest to the heaviest', () => visiting({}, async (page) => {
  await new Shopper(page).opens('/p/longroom-signature-english-willow');
  const labels = (group) => page.getByRole('group', { name: group }).locator('.pick-label').allInnerTexts();
  assert.deepEqual(await labels('Size'), ['Short Handle', 'Long Handle']);
  const grams = (await labels('Weight')).map((label) => Number.parseInt(label, 10));
  assert.ok(grams.length > 3);
  assert.deepEqual(grams, [...grams].sort((a, b) => a - b));
}));

test('the picture of a product is enlarged and closed by the keyboard', () => visiting({}, async (page) => {
  const shopper = new Shopper(page);
  await shopper.opens('/p/kestrel-hover');
  // Until its script is here the link leads to the picture itself.
  await page.waitForLoadState('networkidle');
  const enlarge = page.getByRole('link', { name: 'Enlarge' });
  await enlarge.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  assert.ok(await enlarge.evaluate((each) => each === document.activeElement), 'the focus is where it was');
}));
