// What a shop's owner does in the console, in the words of a story.

export class Owner {
  constructor(page, place) {
    Object.assign(this, { page, place });
  }

  async isAt(heading) {
    await this.page.getByRole('heading', { level: 1, name: heading }).waitFor();
  }

  async sees(text) {
    await this.page.getByRole('main').getByText(text).filter({ visible: true }).first().waitFor();
  }

  async signsIn(home = 'Today') {
    await this.page.goto('/console');
    await this.isAt('Sign in to the console');
    await this.page.getByLabel('E-mail').fill(this.place.owner.email);
    await this.page.getByLabel('Password').fill(this.place.owner.password);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
    await this.isAt(home);
  }

  /** By the menu, which a phone unfolds first. */
  async goesTo(entry) {
    const menu = this.page.getByRole('navigation', { name: 'Console' });
    if (!(await menu.isVisible())) await this.page.getByRole('link', { name: 'Menu', exact: true }).click();
    await menu.getByRole('link', { name: entry, exact: true }).click();
    await this.isAt(entry);
  }

  /** A list follows the orders a moment later: it is asked again until it knows. */
  async findsOrder(number, asked = number) {
    await this.goesTo('Orders');
    const link = this.page.getByRole('main').getByRole('link', { name: number, exact: true });
    const until = Date.now() + 15_000;
    for (;;) {
      await this.page.getByRole('searchbox').fill(asked);
      await this.page.getByRole('button', { name: 'Search' }).click();
      if (await link.isVisible() || Date.now() > until) break;
      await this.page.waitForTimeout(300);
    }
    await link.click();
    await this.isAt(new RegExp(`^Order ${number}`));
  }

  async ships({ carrier, tracking }) {
    await this.page.getByRole('link', { name: 'Ship', exact: true }).click();
    await this.isAt('Ship');
    await this.page.getByLabel(/^Carrier/).fill(carrier);
    await this.page.getByLabel(/^Tracking number/).fill(tracking);
    await this.page.getByRole('button', { name: 'Ship' }).click();
    await this.sees('The shipment is saved');
  }

  /** Asks what a refund comes to; nothing has happened yet. */
  async asksRefund({ goodwill, reason }) {
    await this.page.getByRole('link', { name: 'Refund', exact: true }).click();
    await this.isAt('Refund');
    await this.page.getByLabel(/^Goodwill/).fill(goodwill);
    await this.page.getByLabel('Reason').fill(reason);
    await this.page.getByRole('button', { name: 'See what it comes to' }).click();
    await this.sees('What happens');
  }

  async confirmsRefund(amount) {
    await this.page.getByRole('button', { name: `Refund ${amount}` }).click();
    await this.sees('The refund is under way.');
  }
}
