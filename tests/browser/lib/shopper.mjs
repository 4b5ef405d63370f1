// What a shopper does, in the words of a story. Everything is found the way a person finds it: by the
// words of links, buttons and labels. With scripts and without, the same steps lead to the same place.
import assert from 'node:assert/strict';

const MONEY = /[£$₹]\s?[\d,]+(?:\.\d{2})?/;

/** An address in the shop's home country that the demo delivers to. */
export const ADDRESS = {
  'Full name': 'Robin Sample',
  Address: '1 Example Road',
  'Town or city': 'Demo Town',
  Postcode: 'M1 2AB',
};

export class Shopper {
  constructor(page, { shell = 'desktop', scripts = true } = {}) {
    Object.assign(this, { page, shell, scripts });
  }

  async opens(path) {
    const answer = await this.page.goto(path);
    return answer.status();
  }

  /** The page says what it is. */
  async isAt(heading) {
    await this.page.getByRole('heading', { level: 1, name: heading }).waitFor();
  }

  async sees(text) {
    await this.page.getByRole('main').getByText(text).filter({ visible: true }).first().waitFor();
  }

  async doesNotSee(text) {
    assert.equal(await this.page.getByRole('main').getByText(text).filter({ visible: true }).count(), 0, `${text} is shown`);
  }

  async presses(name) {
    await this.page.getByRole('main').getByRole('button', { name }).click();
  }

  async follows(name) {
    await this.page.getByRole('main').getByRole('link', { name }).first().click();
  }

  async fills(fields) {
    for (const [label, value] of Object.entries(fields)) {
      await this.field(label).fill(value);
    }
  }

  field(label) {
    return this.page.getByRole('main').getByLabel(label, { exact: false }).filter({ visible: true }).first();
  }

  // the range

  /** By the bar of a desktop, by the menu of a phone. */
  async choosesDepartment(name) {
    if (this.shell === 'phone') {
      await this.page.locator('details.menu > summary').click();
      await this.page.locator('.menu-sheet').getByRole('link', { name, exact: true }).click();
    } else {
      await this.page.locator('.bar-links').getByRole('link', { name, exact: true }).click();
    }
    await this.isAt(name);
  }

  /** Ticks a filter; where no script sends it, presses the button that does. */
  async filters(group, value) {
    if (this.shell === 'phone') await this.page.locator('details.sheet > summary').click();
    const facet = this.page.locator('details.facet').filter({ has: this.page.locator('summary', { hasText: group }) });
    if (!(await facet.evaluate((each) => each.open))) await facet.locator('summary').click();
    await facet.getByRole('checkbox', { name: value }).check();
    if (!this.scripts || this.shell === 'phone') await this.page.getByRole('button', { name: 'Show results' }).click();
    await this.page.locator('.chips').getByRole('link', { name: value }).waitFor();
  }

  async sortsBy(order) {
    await this.page.getByLabel('Sort by').selectOption({ label: order });
    if (!this.scripts) await this.page.getByRole('button', { name: 'Sort', exact: true }).click();
    await this.page.waitForURL(/[?&]sort=/);
    await this.page.locator('.list-results:not([aria-busy])').waitFor();
  }

  async opensProduct(name) {
    await this.page.locator('.list-results').getByRole('link', { name, exact: true }).click();
    await this.isAt(name);
  }

  // a product

  /** Chooses a value of an option by the words on it. */
  async chooses(option, value) {
    await this.page.getByRole('group', { name: option }).getByRole('radio', { name: value }).check();
  }

  async ticks(name) {
    await this.page.getByRole('main').getByRole('checkbox', { name }).check();
  }

  async addsToBasket(pieces = 1) {
    if (pieces !== 1) await this.page.locator('form[data-add]').getByLabel('Quantity').fill(String(pieces));
    await this.presses('Add to basket');
    await this.sees('It is in your basket.');
  }

  /** As the head of the page counts them. */
  async piecesInBasket() {
    return Number(await this.page.locator('[data-cart-number]').first().textContent());
  }

  async opensBasket() {
    const place = this.shell === 'phone' ? '.thumb' : '.head-tools';
    await this.page.locator(place).getByRole('link', { name: /^Basket/ }).click();
    await this.isAt(/basket/i);
  }

  // the checkout

  async checksOut() {
    await this.follows('Check out');
    await this.isAt('Contact');
  }

  async givesContact(email) {
    await this.fills({ 'E-mail': email });
    await this.presses('Continue to delivery');
    await this.isAt('Delivery');
  }

  /** Gives an address, is shown the ways there, takes one. */
  async givesAddress(fields, way) {
    await this.fills(fields);
    await this.takes(way);
  }

  async takes(way) {
    const show = this.page.getByRole('button', { name: 'Show delivery options' });
    if (await show.count()) await show.click();
    await this.page.getByRole('radio', { name: way }).check();
    await this.presses('Continue to payment');
    await this.isAt('Payment');
  }

  async paysBy(method, card) {
    await this.choosesPayment(method, card);
    await this.presses('Review the order');
    await this.isAt('Review');
  }

  async choosesPayment(method, card) {
    const choice = this.page.locator('.method').filter({ has: this.page.getByRole('radio', { name: method }) });
    await choice.getByRole('radio').check();
    if (card) await choice.getByRole('combobox').selectOption({ label: card });
  }

  async total() {
    return (await this.page.locator('.totals-total dd').filter({ visible: true }).first().textContent()).match(MONEY)[0];
  }

  /** Presses the one button that pays; answers the amount that stood on it. */
  async placesOrder() {
    const button = this.page.getByRole('button', { name: /^Place order and pay/ });
    const amount = (await button.textContent()).match(MONEY)[0];
    await button.click();
    await this.page.waitForURL(/\/orders\/order_/);
    return amount;
  }

  /** Number, total and address of the order on the page. */
  async readsOrder() {
    const number = (await this.page.locator('.order-number').textContent()).match(/[A-Z]+-?\d+/)[0];
    return { number, total: await this.total(), path: new URL(this.page.url()).pathname };
  }

  /** A payment is settled in the background: the page says so after a while, by itself or when asked. */
  async isThanked() {
    await this.settles('Thank you, it is yours');
  }

  async settles(heading) {
    const done = this.page.getByRole('heading', { level: 1, name: heading });
    const until = Date.now() + 15_000;
    while (!(await done.isVisible())) {
      assert.ok(Date.now() < until, `still “${await this.page.locator('h1').textContent()}”, not “${heading}”`);
      await this.page.waitForTimeout(300);
      await this.page.reload();
    }
  }

  // shortcuts for stories that are about something else

  /** Puts one product in the basket from its own page, in the first choice that is there. */
  async puts(slug, pieces = 1) {
    assert.equal(await this.opens(`/p/${slug}`), 200);
    for (const group of await this.page.locator('fieldset.option').all()) {
      await group.locator('.pick:not(.is-out, .is-elsewhere)').first().getByRole('radio').check();
    }
    await this.addsToBasket(pieces);
  }

  /** From the basket to the review, as a guest. */
  async goesToReview({ email, card = 'Is accepted', way = 'Standard', address = ADDRESS }) {
    await this.opens('/cart');
    await this.checksOut();
    await this.givesContact(email);
    await this.givesAddress(address, way);
    await this.paysBy(/card/i, card);
  }

  async buys(slug, { email, pieces = 1 }) {
    await this.puts(slug, pieces);
    await this.goesToReview({ email });
    await this.placesOrder();
    await this.isThanked();
    return this.readsOrder();
  }
}
