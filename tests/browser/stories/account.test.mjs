// A shopper makes an account: what was in the basket stays, orders and addresses are kept.
import assert from 'node:assert/strict';
import test from 'node:test';
import { visiting } from '../lib/browser.mjs';
import { ADDRESS, Shopper } from '../lib/shopper.mjs';
import { freshEmail } from '../lib/world.mjs';

const PASSWORD = 'three short legs and a gully';

async function signsIn(shopper, email) {
  await shopper.opens('/account/sign-in');
  await shopper.fills({ 'E-mail': email, Password: PASSWORD });
  await shopper.presses('Sign in');
  await shopper.page.waitForURL((url) => !url.pathname.endsWith('/sign-in'));
}

async function signsOut(shopper) {
  await shopper.opens('/account');
  await shopper.presses('Sign out');
  await shopper.page.getByRole('link', { name: 'Sign in' }).first().waitFor();
}

test('a shopper registers, finds both baskets in one after signing in, and keeps order and address', () => visiting({}, async (page) => {
  const email = freshEmail('member');
  const shopper = new Shopper(page);
  await shopper.opens('/account/register');
  await shopper.isAt('Create an account');
  await shopper.fills({ 'Full name': 'Robin Sample', 'E-mail': email, Password: PASSWORD });
  await shopper.presses('Create an account');
  await page.waitForURL((url) => !url.pathname.endsWith('/register'));

  await shopper.puts('longroom-linseed-oil');
  await signsOut(shopper);
  await shopper.opens('/cart');
  await shopper.sees('Your basket is empty');
  await shopper.puts('longroom-bat-mallet', 2);

  await signsIn(shopper, email);
  await shopper.opensBasket();
  await shopper.sees('linseed oil');
  await shopper.sees('mallet');
  assert.equal(await shopper.piecesInBasket(), 3, 'one bottle and two mallets');

  await shopper.opens('/account/addresses');
  await shopper.sees('No addresses yet');
  await shopper.follows('New address');
  await shopper.fills(ADDRESS);
  await shopper.presses('Save');
  await shopper.sees('1 Example Road');

  await shopper.opens('/cart');
  await shopper.checksOut();
  assert.equal(await shopper.field('E-mail').inputValue(), email, 'the address of the account is filled in');
  await shopper.presses('Continue to delivery');
  await shopper.isAt('Delivery');
  await page.getByRole('radio', { name: /1 Example Road/ }).check();
  await shopper.takes('Standard');
  await shopper.paysBy(/card/i, 'Is accepted');
  await shopper.placesOrder();
  await shopper.isThanked();
  const order = await shopper.readsOrder();

  await shopper.opens('/account/orders');
  await shopper.follows(order.number);
  await shopper.isAt(/Thank you, it is yours|Your order is in hand/);
  assert.equal((await shopper.readsOrder()).number, order.number);
}));

test('a wrong password and an unknown address are answered alike', () => visiting({}, async (page, place) => {
  const shopper = new Shopper(page);
  const answers = [];
  for (const email of [place.customer.email, freshEmail('nobody')]) {
    await shopper.opens('/account/sign-in');
    await shopper.fills({ 'E-mail': email, Password: 'not the password' });
    await shopper.presses('Sign in');
    await page.getByRole('alert').first().waitFor();
    assert.equal(await shopper.field('E-mail').inputValue(), email, 'what was typed is kept');
    answers.push(await page.getByRole('main').innerText());
  }
  assert.equal(answers[0], answers[1]);
}));
