// A shopper buys a bat: the whole way from the first page to the confirmation, in both shells, with
// scripts and without. One story, told four times.
import assert from 'node:assert/strict';
import test from 'node:test';
import { SHELLS, picture, visiting } from '../lib/browser.mjs';
import { ADDRESS, Shopper } from '../lib/shopper.mjs';
import { freshEmail } from '../lib/world.mjs';

for (const shell of Object.keys(SHELLS)) {
  for (const scripts of [true, false]) {
    test(`a shopper buys a bat on a ${shell}, ${scripts ? 'with' : 'without'} scripts`, () => visiting({ shell, scripts }, async (page) => {
      const shopper = new Shopper(page, { shell, scripts });
      await shopper.opens('/');
      assert.equal(await page.locator('html').getAttribute('class'), shell === 'phone' ? 'shell-mobile' : 'shell-desktop');
      await shopper.choosesDepartment('Bats');
      await shopper.filters('Maker', 'Longroom');
      await shopper.opensProduct('Longroom Nightwatch');

      await shopper.chooses('Size', 'Short Handle');
      await shopper.chooses('Weight', '1191 g');
      await shopper.ticks('Knocking in');
      await shopper.addsToBasket();

      await shopper.opensBasket();
      await shopper.sees('Longroom Nightwatch');
      await shopper.sees('Knocking in');
      // 189.00 for the bat, 18.00 for the work; the parcel is free from 100.00 on.
      assert.equal(await shopper.total(), '£207.00');

      await shopper.checksOut();
      await shopper.givesContact(freshEmail('buyer'));
      await shopper.givesAddress(ADDRESS, 'Standard');
      await shopper.paysBy(/card/i, 'Is accepted');
      assert.equal(await shopper.placesOrder(), '£207.00');

      await shopper.isThanked();
      const order = await shopper.readsOrder();
      assert.match(order.number, /^W-?\d{4,}$/);
      assert.equal(order.total, '£207.00');
      await shopper.sees('Robin Sample');
      await picture(page, `bought-${shell}-${scripts ? 'scripts' : 'plain'}`);

      assert.equal(await shopper.opens('/cart'), 200);
      await shopper.sees('Your basket is empty');
    }));
  }
}
