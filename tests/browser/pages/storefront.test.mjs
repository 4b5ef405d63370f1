// Every page of the storefront, in both shells and both colour schemes: accessible as far as axe can
// tell, and no wider than its window. That the pages are quiet is checked for every visitor.
import test from 'node:test';
import { SHELLS, visiting } from '../lib/browser.mjs';
import { fits, isAccessible } from '../lib/inspect.mjs';
import { storefrontWalk, walks } from '../lib/walk.mjs';

for (const shell of Object.keys(SHELLS)) {
  test(`every page of the storefront on a ${shell}`, (t) => visiting({ shell }, async (page) => {
    await walks(t, page, storefrontWalk(), async (name) => {
      await fits(page);
      await isAccessible(page, `${shell} ${name}`);
    });
  }));
}
