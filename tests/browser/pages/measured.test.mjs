// What a page costs: nothing moves once it is shown, it arrives in at most 100 KiB before pictures, and at
// most one request stands before its first line.
import assert from 'node:assert/strict';
import test from 'node:test';
import { SHELLS, visiting } from '../lib/browser.mjs';
import { opensMeasured } from '../lib/measure.mjs';
import { Shopper } from '../lib/shopper.mjs';
import { freshEmail } from '../lib/world.mjs';

const PAGES = {
  home: '/',
  category: '/c/bats',
  'category as pictures': '/c/clothing',
  search: '/search?q=longroom',
  'search without a result': '/search?q=zyzzyva',
  product: '/p/longroom-signature-english-willow',
  'side by side': '/compare?p=longroom-signature-english-willow&p=kestrel-stoop-limited',
  kit: '/p/club-batting-kit',
  'empty basket': '/cart',
  'sign-in': '/account/sign-in',
  register: '/account/register',
  'order look-up': '/orders/look-up',
  'password reset': '/account/password-reset',
  words: '/pages/delivery',
  'nothing there': '/no/such/page',
};
/** Pages with a basket behind them, and an order that is about to be placed. */
const TILL = {
  basket: '/cart',
  contact: '/checkout/contact',
  delivery: '/checkout/delivery',
  payment: '/checkout/payment',
  review: '/checkout/review',
};
const SHIFT_MAX = 0.02;
const KIB_MAX = 100;

const BLOCKING_MAX = 1;

async function stands(t, page, path) {
  const { shift, bytes, blocking } = await opensMeasured(page, path);
  t.diagnostic(`${(bytes / 1024).toFixed(1)} KiB, shift ${shift.toFixed(4)}, ${blocking.length} blocking`);
  assert.ok(shift < SHIFT_MAX, `it shifts by ${shift.toFixed(4)}`);
  assert.ok(bytes <= KIB_MAX * 1024, `it takes ${(bytes / 1024).toFixed(1)} KiB`);
  assert.ok(blocking.length <= BLOCKING_MAX, `it waits for ${blocking.join(', ')}`);
}

for (const shell of Object.keys(SHELLS)) {
  for (const [name, path] of Object.entries(PAGES)) {
    test(`${name} stands still and is small on a ${shell}`, (t) => visiting({ shell }, (page) => stands(t, page, path)));
  }
  for (const [name, path] of Object.entries(TILL)) {
    test(`${name} stands still and is small on a ${shell}`, (t) => visiting({ shell }, async (page) => {
      const shopper = new Shopper(page, { shell });
      await shopper.puts('longroom-linseed-oil');
      if (path.startsWith('/checkout/')) await shopper.goesToReview({ email: freshEmail('measured') });
      // As a page opened for the first time: nothing of it is kept from the one before.
      const again = await page.context().newPage();
      const session = await page.context().newCDPSession(again);
      await session.send('Network.enable');
      await session.send('Network.setCacheDisabled', { cacheDisabled: true });
      await stands(t, again, path);
    }));
  }
}
