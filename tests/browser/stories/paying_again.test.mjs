// A card is declined: nothing is lost, and one click pays.
import assert from 'node:assert/strict';
import test from 'node:test';
import { visiting } from '../lib/browser.mjs';
import { Shopper } from '../lib/shopper.mjs';
import { freshEmail } from '../lib/world.mjs';

for (const scripts of [true, false]) {
  test(`after a declined card one click pays, with everything kept, ${scripts ? 'with' : 'without'} scripts`, () => visiting({ scripts }, async (page) => {
    const shopper = new Shopper(page, { scripts });
    await shopper.puts('longroom-linseed-oil', 2);
    await shopper.goesToReview({ email: freshEmail('unlucky'), card: 'Is declined' });
    const amount = await shopper.placesOrder();

    await shopper.settles('The payment did not go through');
    await shopper.sees('Nothing was charged.');
    const refused = await shopper.readsOrder();
    assert.equal(refused.total, amount);

    // The other card, one press: no address, no basket, no second order.
    await shopper.choosesPayment(/card/i, 'Is accepted');
    await shopper.presses(`Pay ${amount}`);
    await shopper.isThanked();
    const paid = await shopper.readsOrder();
    assert.deepEqual(paid, refused, 'it is the same order');
    await shopper.sees('Robin Sample');
  }));
}
