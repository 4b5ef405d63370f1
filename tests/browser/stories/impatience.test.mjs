// A shopper in a hurry: goes back and forth, presses twice, and neither loses a word nor pays twice.
import assert from 'node:assert/strict';
import test from 'node:test';
import { SHELLS, visiting } from '../lib/browser.mjs';
import { ADDRESS, Shopper } from '../lib/shopper.mjs';
import { freshEmail } from '../lib/world.mjs';

for (const scripts of [true, false]) {
  const how = scripts ? 'with' : 'without';

  test(`going back through the checkout finds everything as it was left, ${how} scripts`, () => visiting({ scripts }, async (page) => {
    const shopper = new Shopper(page, { scripts });
    const email = freshEmail('hurried');
    await shopper.puts('longroom-linseed-oil');
    await shopper.opens('/checkout/contact');
    await shopper.ticks(/by e-mail/);
    await shopper.givesContact(email);
    await shopper.givesAddress(ADDRESS, 'Standard');
    await shopper.paysBy(/card/i, 'Is accepted');

    // By the steps of the checkout, and by the browser's own way back.
    const steps = page.getByRole('navigation', { name: 'Steps of the checkout' });
    await steps.getByRole('link', { name: 'Contact' }).click();
    await shopper.isAt('Contact');
    assert.equal(await shopper.field('E-mail').inputValue(), email);
    assert.ok(await page.getByRole('checkbox', { name: /by e-mail/ }).isChecked());
    await page.goBack();
    await shopper.isAt('Review');
    await steps.getByRole('link', { name: 'Delivery' }).click();
    await shopper.isAt('Delivery');
    for (const [label, value] of Object.entries(ADDRESS)) assert.equal(await shopper.field(label).inputValue(), value, label);
    await shopper.presses('Continue to payment');
    await shopper.isAt('Payment');
    await shopper.paysBy(/card/i, 'Is accepted');
    await shopper.placesOrder();
    await shopper.isThanked();
  }));

  test(`the button that pays is pressed twice and one order is placed, ${how} scripts`, () => visiting({ scripts }, async (page) => {
    const shopper = new Shopper(page, { scripts });
    await shopper.opens('/account/register');
    await shopper.fills({ 'Full name': 'Robin Sample', 'E-mail': freshEmail('twice'), Password: 'three short legs and a gully' });
    await page.locator('main form[action$="/account/register"] button[type=submit]').click();
    await page.waitForURL((url) => !url.pathname.endsWith('/register'));
    await shopper.puts('longroom-linseed-oil');
    await shopper.opens('/checkout/contact');
    await shopper.presses('Continue to delivery');
    await shopper.givesAddress(ADDRESS, 'Standard');
    await shopper.paysBy(/card/i, 'Is accepted');
    await page.getByRole('button', { name: /^Place order and pay/ }).dblclick();
    await page.waitForURL(/\/orders\/order_/);
    await shopper.isThanked();
    await shopper.opens('/account/orders');
    assert.equal(await page.locator('ul.orders > li').count(), 1);
  }));
}

for (const shell of Object.keys(SHELLS)) {
  test(`bats are weighed in ounces and in grams, by a slider on a ${shell}`, () => visiting({ shell }, async (page) => {
    const shopper = new Shopper(page, { shell });
    await shopper.opens('/c/bats');
    if (shell === 'phone') await page.locator('details.sheet > summary').click();
    const weight = page.locator('details.facet').filter({ has: page.locator('summary', { hasText: 'Weight' }) }).filter({ has: page.locator('[data-range=weight]') });
    if (!(await weight.evaluate((each) => each.open))) await weight.locator('summary').click();
    const slider = weight.getByRole('slider').first();
    await slider.fill('1150');
    assert.match(await slider.getAttribute('aria-valuetext'), /^2 lb 9 oz, 1150 g$/);
    assert.equal(await weight.getByRole('spinbutton').first().inputValue(), '1150');
    assert.match(await weight.locator('.hint').textContent(), /^2 lb 9 oz – /);
  }));
}

test('a table of bats is sorted by what stands at its head', () => visiting({}, async (page) => {
  const shopper = new Shopper(page);
  await shopper.opens('/c/bats');
  const head = (name) => page.locator('table.range thead').getByRole('link', { name });
  const grams = async () => (await page.locator('table.range tbody td[data-label=Weight]').allTextContents())
    .map((cell) => cell.match(/(\d+)\s*lb\s*(\d+)\s*oz/)).filter(Boolean).map(([, pounds, ounces]) => Number(pounds) * 16 + Number(ounces));
  await head('Weight').click();
  await page.locator('th[aria-sort=ascending]', { hasText: 'Weight' }).waitFor();
  assert.equal(await page.getByLabel('Sort by').evaluate((each) => each.selectedOptions[0].textContent), 'Weight, lowest first');
  const light = await grams();
  assert.ok(light.length > 5);
  assert.deepEqual(light, [...light].sort((a, b) => a - b));
  await head('Weight').click();
  await page.locator('th[aria-sort=descending]', { hasText: 'Weight' }).waitFor();
  await head('Price').click();
  await page.locator('th[aria-sort=ascending]', { hasText: 'Price' }).waitFor();
}));
