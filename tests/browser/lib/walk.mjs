// Every page of the storefront, in an order in which a shopper could come by them. The steps name
// fields and addresses instead of words, so that the same walk goes through a shop in any language.
import assert from 'node:assert/strict';
import { ADDRESSES } from './addresses.mjs';
import { freshEmail } from './world.mjs';

const PASSWORD = 'three short legs and a gully';

/** Sends the form of the page as it is, empty fields and all: the server says what is wrong. */
async function sendsAsItIs(page, form) {
  await page.locator(form).evaluate((each) => { each.noValidate = true; });
  await Promise.all([page.waitForEvent('load'), page.locator(`${form} button[type=submit]`).first().click()]);
}

/** Sends a form that is filled and waits for the page it leads to. */
async function sends(page, form, to) {
  await page.locator(`${form} button[type=submit]`).first().click();
  await page.waitForURL(to);
}

async function fillsAddress(page, prefix, country) {
  for (const [name, value] of Object.entries(ADDRESSES[country])) {
    const field = page.locator(`[name="${prefix}${name}"]`);
    if (await field.evaluate((each) => each.tagName) === 'SELECT') await field.selectOption(value);
    else await field.fill(value);
  }
}

async function putsInBasket(page, at, slug) {
  await page.goto(`${at}/p/${slug}`);
  for (const group of await page.locator('fieldset.option').all()) {
    await group.locator('.pick:not(.is-out, .is-elsewhere) input').first().check();
  }
  await page.locator('form[data-add] button[type=submit]').click();
  await page.locator('.add-result .notice-done').waitFor();
}

/** A step that needs no step before it. */
const direct = (go) => Object.assign(go, { direct: true });

const till = (step) => (url) => url.pathname.endsWith(`/checkout/${step}`);

/**
 * The stops of a walk through a shop: what the page is called here, and how one gets there.
 * `at` is the language prefix, `country` the home of the shop.
 */
export function storefrontWalk({ at = '', country = 'GB' } = {}) {
  const email = freshEmail('walker');
  const opens = (path, status = 200) => direct(async (page) => {
    const answer = await page.goto(`${at}${path}`);
    assert.equal(answer.status(), status, path);
  });
  return [
    ['home', opens('/')],
    ['category as a table', opens('/c/bats')],
    ['category as pictures', opens('/c/clothing')],
    ['category with filters in force', opens('/c/bats?filter.brand=Longroom&in_stock=true')],
    ['category with everything filtered away', opens('/c/bats?filter.brand=Longroom&filter.brand=Kestrel&price_max=1')],
    ['search', opens('/search?q=longroom')],
    ['search without a result', opens('/search?q=zyzzyva')],
    ['product with options and add-ons', opens('/p/longroom-signature-english-willow')],
    ['product with one variant', opens('/p/kestrel-duffle')],
    ['kit', opens('/p/starter-kit-junior')],
    ['products side by side', opens('/compare?p=longroom-signature-english-willow&p=kestrel-stoop-limited&p=longroom-nightwatch')],
    ['products side by side, one', opens('/compare?p=longroom-signature-english-willow')],
    ['products side by side, none', opens('/compare')],
    ['words: delivery', opens('/pages/delivery')],
    ['words: terms', opens('/pages/terms')],
    ['not found', opens('/no/such/page', 404)],
    ['product not found', opens('/p/no-such-product', 404)],
    ['basket, empty', opens('/cart')],
    ['order look-up', opens('/orders/look-up')],
    ['order look-up, wrong', async (page) => {
      await page.fill('[name=number]', 'W-999999');
      await page.fill('[name=email]', email);
      await sendsAsItIs(page, 'form[action$="/orders/look-up"]');
    }],
    ['sign-in', opens('/account/sign-in')],
    ['sign-in, wrong', async (page) => {
      await page.fill('[name=email]', email);
      await page.fill('[name=password]', 'not the password');
      await sendsAsItIs(page, 'main form[action$="/account/sign-in"]');
    }],
    ['password reset', opens('/account/password-reset')],
    ['password reset, link over', opens('/account/password-reset?token=over', 422)],
    ['verify, link over', opens('/account/verify?token=over', 422)],
    ['product just added', direct((page) => putsInBasket(page, at, 'longroom-nightwatch'))],
    ['basket', async (page) => {
      await putsInBasket(page, at, 'longroom-linseed-oil');
      await opens('/cart')(page);
    }],
    ['contact', opens('/checkout/contact')],
    ['contact, wrong', (page) => sendsAsItIs(page, 'main form[action$="/checkout/contact"]')],
    ['delivery', async (page) => {
      await page.fill('[name=email]', email);
      await sends(page, 'main form[action$="/checkout/contact"]', till('delivery'));
    }],
    ['delivery, wrong', (page) => sendsAsItIs(page, 'main form[action$="/checkout/delivery"]')],
    ['delivery, with options', async (page) => {
      await fillsAddress(page, 'shipping.', country);
      await page.locator('button[name=update][value=options]').first().click();
      await page.locator('[name=shipping_option]').first().waitFor();
    }],
    ['payment', async (page) => {
      await page.locator('[name=shipping_option]').first().check();
      await page.locator('main form button.button-main').click();
      await page.waitForURL(till('payment'));
    }],
    ['payment, wrong', async (page) => {
      await page.locator('[name=payment]').evaluateAll((all) => all.forEach((each) => { each.checked = false; }));
      await sendsAsItIs(page, 'main form[action$="/checkout/payment"]');
    }],
    ['review', async (page) => {
      await page.locator('[name=payment]').first().check();
      await sends(page, 'main form[action$="/checkout/payment"]', till('review'));
    }],
    ['order, just placed', async (page) => {
      await page.locator('main form[action$="/checkout/review"] button[type=submit]').click();
      await page.waitForURL(/\/orders\/order_/);
    }],
    ['register', opens('/account/register')],
    ['register, wrong', (page) => sendsAsItIs(page, 'main form[action$="/account/register"]')],
    ['profile', async (page) => {
      await page.fill('[name=name]', 'Robin Sample');
      await page.fill('[name=email]', email);
      await page.fill('[name=password]', PASSWORD);
      await sends(page, 'main form[action$="/account/register"]', (url) => !url.pathname.endsWith('/register'));
      await opens('/account')(page);
    }],
    ['profile, wrong', async (page) => {
      await page.locator('[name=name]').fill('');
      await sendsAsItIs(page, 'main form.fields');
    }],
    ['orders of the account', opens('/account/orders')],
    ['addresses, none', opens('/account/addresses')],
    ['address, new', opens('/account/addresses/new')],
    ['address, wrong', (page) => sendsAsItIs(page, 'main form[data-country-form]')],
    ['addresses', async (page) => {
      await fillsAddress(page, 'address.', country);
      await sends(page, 'main form[data-country-form]', (url) => url.pathname.endsWith('/account/addresses'));
    }],
  ];
}

/**
 * Walks and looks at every stop, each a test of its own. Where a step can't be taken, the steps that
 * lead on from there fail at once, up to the next page that has an address.
 */
export async function walks(t, page, stops, look) {
  let stuck = null;
  for (const [name, go] of stops) {
    await t.test(name, async () => {
      if (go.direct) stuck = null;
      assert.equal(stuck, null, 'this page was not reached');
      stuck = name;
      await go(page);
      stuck = null;
      await look(name);
    });
  }
}
