// Work at the keyboard: each test presses the keys that an owner presses, what it writes in a shop of its own.
import assert from 'node:assert/strict';
import test from 'node:test';
import { visiting } from '../lib/browser.mjs';
import { fits, isAccessible } from '../lib/inspect.mjs';
import { Owner } from '../lib/owner.mjs';
import { Shopper } from '../lib/shopper.mjs';
import { freshEmail } from '../lib/world.mjs';

/** The shop that no other test writes to. */
const SLUG = 'maidan';

const atDesk = (story) => visiting({ slug: SLUG }, async (page, place) => {
  const owner = new Owner(page, place);
  await owner.signsIn();
  await story(page, owner);
});

/** Opens the palette and types; waits until what is typed is among the offers. */
async function jumps(page, typed, label) {
  await page.keyboard.press('Control+k');
  const palette = page.getByRole('dialog', { name: 'Search or jump to' });
  await palette.waitFor();
  await page.keyboard.type(typed);
  const offer = palette.getByRole('option').filter({ hasText: label }).first();
  await offer.waitFor();
  for (let presses = 0; (await offer.getAttribute('aria-selected')) !== 'true'; presses += 1) {
    assert.ok(presses < 20, `${label} is not reached by the arrow`);
    await page.keyboard.press('ArrowDown');
  }
  await page.keyboard.press('Enter');
}

const rows = (page) => page.locator('[data-list] tbody tr');
const here = (page) => rows(page).evaluateAll((all) => all.findIndex((row) => row.classList.contains('is-here')));

test('the palette leads to a page, a product, an action and a search', () => atDesk(async (page, owner) => {
  await jumps(page, 'settings', /^Settings/);
  await owner.isAt('Settings');
  // The shop's products are named in Hindi first; any language finds them.
  await jumps(page, 'linseed', /longroom-linseed-oil/);
  await page.getByRole('heading', { level: 1, name: /अलसी तेल/ }).waitFor();
  await jumps(page, 'new product', /^New product/);
  await owner.isAt('New product');
  await page.goto('/console/orders');
  // Where nobody is found, the palette offers the search instead.
  await jumps(page, 'nobody@shopper.example', /^Search everything/);
  await owner.isAt('Search');
}));

test('the palette leads to an order by its number', () => visiting({}, async (page) => {
  const order = await new Shopper(page).buys('longroom-bat-mallet', { email: freshEmail('palette') });
  await visiting({}, async (desk, place) => {
    const owner = new Owner(desk, place);
    await owner.signsIn();
    // The lists know it from here on.
    await owner.findsOrder(order.number);
    await desk.goto('/console/settings');
    await jumps(desk, order.number, new RegExp(`^Order ${order.number}`));
    await owner.isAt(new RegExp(`^Order ${order.number}`));
  });
}));

test('the palette opens by either key, closes by Escape, and is read as a list of choices', () => atDesk(async (page) => {
  const palette = page.getByRole('dialog', { name: 'Search or jump to' });
  for (const keys of ['Control+k', 'Meta+k']) {
    await page.keyboard.press(keys);
    await palette.waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('role')), 'combobox');
    const chosen = await palette.getByRole('combobox').getAttribute('aria-activedescendant');
    await page.keyboard.press('ArrowDown');
    assert.notEqual(await palette.getByRole('combobox').getAttribute('aria-activedescendant'), chosen);
    await isAccessible(page, `palette by ${keys}`);
    await page.keyboard.press('Escape');
    await palette.waitFor({ state: 'hidden' });
  }
}));

test('j and k move through a list, x ticks, Enter opens, Escape lets go', () => atDesk(async (page) => {
  await page.goto('/console/products?sort=name');
  assert.equal(await here(page), -1);
  for (const [key, place] of [['j', 0], ['j', 1], ['j', 2], ['k', 1], ['k', 0], ['k', 0]]) {
    await page.keyboard.press(key);
    assert.equal(await here(page), place, `after ${key}`);
  }
  const archive = page.locator('.bulk').getByRole('button', { name: 'Archive' });
  assert.equal(await archive.isVisible(), false, 'nothing is ticked, so nothing can be done');
  await page.keyboard.press('x');
  await page.keyboard.press('j');
  await page.keyboard.press('x');
  assert.equal(await page.locator('[data-bulk-count]').innerText(), 'These 2:');
  assert.equal(await archive.isVisible(), true);
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('tbody input:checked').count(), 0, 'Escape takes back the ticks first');
  assert.equal(await here(page), 1);
  await page.keyboard.press('Escape');
  assert.equal(await here(page), -1, 'and then leaves the row');
  await page.keyboard.press('j');
  const name = await rows(page).first().getByRole('link').first().innerText();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name }).waitFor();
}));

test('all that match are named before they are chosen', () => atDesk(async (page) => {
  await page.goto('/console/products?sort=name');
  const words = await page.locator('.pager-words').innerText();
  await page.locator('[data-tick-all]').check();
  assert.equal(await page.locator('[data-bulk-count]').innerText(), 'These 50:');
  await page.getByRole('checkbox', { name: /that match/ }).check();
  assert.equal(await page.locator('[data-bulk-count]').innerText(), `All ${words} that match:`);
  await page.locator('tbody input[name=ids]').first().uncheck();
  assert.equal(await page.locator('[data-bulk-count]').innerText(), 'These 49:', 'one less is not all');
}));

test('/ goes to the search box, and letters typed there move nothing', () => atDesk(async (page) => {
  await page.goto('/console/products');
  await page.keyboard.press('/');
  await page.keyboard.type('jkx ball');
  assert.equal(await page.getByRole('searchbox').inputValue(), 'jkx ball');
  assert.equal(await here(page), -1);
  await page.keyboard.press('Escape');
  await page.keyboard.press('j');
  assert.equal(await here(page), 0);
}));

test('Ctrl S saves what is edited, and leaving without it asks first', () => atDesk(async (page) => {
  await page.goto('/console/products?q=linseed');
  await rows(page).first().getByRole('link').first().click();
  const brand = page.getByLabel(/^Brand/);
  await brand.waitFor();
  await brand.fill('Saved by a key');
  await page.locator('form.is-changed').waitFor();
  await page.keyboard.press('Control+s');
  await page.getByText('Saved.').waitFor();
  assert.equal(await brand.inputValue(), 'Saved by a key');

  const asked = [];
  page.on('dialog', async (dialog) => {
    asked.push(dialog.type());
    await dialog.dismiss();
  });
  const at = page.url();
  await brand.fill('Lost');
  await page.getByRole('navigation', { name: 'Console' }).getByRole('link', { name: 'Orders', exact: true }).click({ noWaitAfter: true });
  await page.waitForTimeout(500);
  assert.deepEqual(asked, ['beforeunload']);
  assert.equal(page.url(), at, 'who is asked and stays, stays');
  assert.equal(await brand.inputValue(), 'Lost');
  await brand.fill('Saved by a key');
  await page.getByRole('navigation', { name: 'Console' }).getByRole('link', { name: 'Orders', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'Orders' }).waitFor();
  assert.equal(asked.length, 1, 'what is as it was is not asked about');
}));

/** Puts a text on the clipboard as a person does, and goes back to where they were. */
async function copies(page, text) {
  await page.evaluate((words) => {
    const box = document.createElement('textarea');
    box.id = 'elsewhere';
    box.value = words;
    document.body.append(box);
    box.select();
  }, text);
  await page.keyboard.press('Control+c');
  await page.evaluate(() => document.getElementById('elsewhere').remove());
}

test('a range copied from a spreadsheet fills the cells of the sheet, and only they are saved', () => atDesk(async (page) => {
  await page.goto('/console/stock/sheet?q=ball');
  await fits(page);
  const cells = page.locator('[data-sheet] tbody tr').filter({ has: page.locator('input[name^="hand."]') });
  const cell = (row, name) => cells.nth(row).locator(`input[name^="${name}."]`).first();
  const second = await cell(1, 'price').inputValue();
  await copies(page, '₹1,299.00\t1,499.00\t41\n1299.50\t\t42\n');
  await cell(0, 'price').focus();
  await page.keyboard.press('Control+v');
  assert.deepEqual(await Promise.all([cell(0, 'price'), cell(0, 'before'), cell(0, 'hand'), cell(1, 'price'), cell(1, 'hand')].map((each) => each.inputValue())),
    ['1,299.00', '1,499.00', '41', '1299.50', '42']);
  await page.getByText(/^\d cells changed$/).waitFor();
  await cell(1, 'price').focus();
  await page.keyboard.press('Escape');
  assert.equal(await cell(1, 'price').inputValue(), second, 'Escape puts back what was there');
  await page.keyboard.press('ArrowUp');
  assert.equal(await page.evaluate(() => document.activeElement.value), '1,299.00');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.value), second);
  await page.keyboard.press('Control+s');
  await page.getByText(/cells are saved\.$/).waitFor();
  assert.equal(await cell(0, 'price').inputValue(), '1299.00');
  assert.equal(await cell(0, 'before').inputValue(), '1499.00');
  assert.equal(await cell(0, 'hand').inputValue(), '41');
  assert.equal(await cell(1, 'price').inputValue(), second);
  assert.equal(await cell(1, 'hand').inputValue(), '42');
}));

test('a view that is kept is a tab at once, and a filter comes off by its chip', () => atDesk(async (page, owner) => {
  await page.goto('/console/products?q=status%3Aactive+ball&columns=price&columns=brand');
  assert.equal(await page.locator('[data-list] thead th').count(), 4, 'a box to tick, and the columns that were asked for');
  await page.getByText('Save view').click();
  await page.locator('#save-view').getByLabel('Name').fill('Balls on sale');
  await page.locator('#save-view').getByRole('button').click();
  await owner.sees('it is a tab of this list now');
  const tab = page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Balls on sale' });
  assert.equal(await tab.getAttribute('aria-current'), 'true');
  await isAccessible(page, 'products, a kept view');
  await page.getByRole('link', { name: 'Remove the filter Published' }).click();
  await page.waitForURL((url) => !url.search.includes('status'));
  await tab.click();
  await page.getByRole('link', { name: 'Remove the filter Published' }).waitFor();
  await page.getByRole('link', { name: 'Change views' }).click();
  await page.getByRole('button', { name: 'Delete the view Balls on sale' }).click();
  await owner.sees('No view is kept yet.');
}));
