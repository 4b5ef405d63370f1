// A window of a desktop may be as narrow as a phone: its pages still fit, and what is in the head can be reached.
import assert from 'node:assert/strict';
import test from 'node:test';
import { visiting } from '../lib/browser.mjs';
import { fits } from '../lib/inspect.mjs';
import { Owner } from '../lib/owner.mjs';
import { storefrontWalk, walks } from '../lib/walk.mjs';

/** The least width of WCAG 1.4.10, and that of a half-closed window. */
const WIDTHS = [320, 600];

for (const width of WIDTHS) {
  test(`the storefront in a desktop's window of ${width} px`, (t) => visiting({}, async (page) => {
    await page.setViewportSize({ width, height: 800 });
    await walks(t, page, storefrontWalk(), () => fits(page));
  }));

  test(`the console in a desktop's window of ${width} px`, (t) => visiting({}, async (page, place) => {
    await page.setViewportSize({ width, height: 800 });
    await new Owner(page, place).signsIn();
    for (const path of ['', '/products', '/products/new', '/stock', '/orders', '/delivery', '/taxes', '/branding', '/settings', '/outbox']) {
      await t.test(`/console${path}`, async () => {
        const answer = await page.goto(`/console${path}`);
        assert.equal(answer.status(), 200);
        await fits(page);
      });
    }
  }));
}

test('a narrow window of a desktop has search, departments, basket and filters at hand', () => visiting({}, async (page) => {
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto('/c/bats');
  const bat = page.locator('.list-results').getByRole('link', { name: 'Longroom Signature' });
  const filters = page.getByRole('heading', { name: 'Filters' });
  assert.ok((await bat.boundingBox()).y < (await filters.boundingBox()).y, 'goods come before filters');
  await page.locator('.to-filters').click();
  await page.waitForFunction(() => document.querySelector('#filters-title').getBoundingClientRect().top < innerHeight);
  await page.getByText('All departments').click();
  await page.locator('.bar-panel').getByRole('link', { name: 'Balls', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'Balls' }).waitFor();
  await page.locator('header .search input').fill('gloves');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/search\?q=gloves/);
  await page.locator('.head-tools').getByRole('link', { name: /^Basket/ }).click();
  await page.getByRole('heading', { level: 1, name: /basket/i }).waitFor();
}));
