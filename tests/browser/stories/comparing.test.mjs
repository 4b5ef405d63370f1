// Bats side by side: ticked in the list, taken out and put in again, with scripts and without.
import assert from 'node:assert/strict';
import test from 'node:test';
import { SHELLS, visiting } from '../lib/browser.mjs';
import { Shopper } from '../lib/shopper.mjs';

const boxes = (page) => page.locator('.list-results').getByRole('checkbox', { name: /^Compare/ });
const columns = (page) => page.locator('table.compare thead th');

for (const shell of Object.keys(SHELLS)) {
  for (const scripts of [true, false]) {
    test(`two bats side by side on a ${shell} ${scripts ? 'with' : 'without'} scripts`, () => visiting({ shell, scripts }, async (page) => {
      const shopper = new Shopper(page, { shell, scripts });
      await shopper.opens('/c/bats');
      for (const nth of [0, 2]) await boxes(page).nth(nth).check();
      await page.getByRole('button', { name: 'Compare side by side' }).click();
      await shopper.isAt('Compare');
      assert.equal(await columns(page).count(), 2);
      assert.match(page.url(), /\/compare\?p=[a-z0-9-]+&p=[a-z0-9-]+$/);
      const price = page.locator('table.compare tbody tr', { has: page.getByRole('rowheader', { name: /^Price/ }) });
      assert.match((await price.locator('td').allTextContents()).join(), /£\d+.*£\d+/);
      assert.ok(await page.getByRole('rowheader', { name: /^Weight \(differs\)$/ }).count(), 'two bats differ in weight');

      await page.getByLabel('Put another one beside them').selectOption({ index: 1 });
      await page.getByRole('button', { name: 'Add', exact: true }).click();
      await page.waitForURL(/(p=[^&]+&){2}p=[^&]+$/);
      assert.equal(await columns(page).count(), 3);
      await columns(page).first().getByRole('link', { name: /^Remove/ }).click();
      await page.waitForURL(/\?p=[^&]+&p=[^&]+$/);
      assert.equal(await columns(page).count(), 2);
      await columns(page).first().getByRole('link').first().click();
      await page.getByRole('link', { name: 'Compare with others' }).click();
      await shopper.isAt('Compare');
      assert.equal(await columns(page).count(), 1);
    }));
  }
}

test('the first column stays where it is while a phone looks along the others', () => visiting({ shell: 'phone' }, async (page) => {
  await page.goto('/c/bats');
  for (const nth of [0, 1, 2, 3]) await boxes(page).nth(nth).check();
  assert.ok(await boxes(page).nth(4).isDisabled(), 'four fit');
  await page.getByText('4 of 4 chosen').waitFor();
  await page.getByRole('button', { name: 'Compare side by side' }).click();
  const head = page.getByRole('rowheader', { name: /^Price/ });
  const before = await head.boundingBox();
  await page.locator('.scroll').evaluate((each) => { each.scrollLeft = 300; });
  const after = await head.boundingBox();
  assert.equal(after.x, before.x);
  assert.ok(before.width < 120, `${before.width} px leave no room`);
}));

test('what is ticked stays ticked while the list is filtered', () => visiting({}, async (page) => {
  const shopper = new Shopper(page);
  await shopper.opens('/c/bats?filter.brand=Longroom');
  await boxes(page).first().check();
  await shopper.sortsBy('Price, lowest first');
  assert.equal(await page.locator('input[form=compare]:checked').count(), 1);
  await page.getByText('1 of 4 chosen').waitFor();
}));
