// Pages for people who write programs: the interface and its problems. Accessible as far as axe can tell, in both
// colour schemes, and no wider than their window.
import assert from 'node:assert/strict';
import test from 'node:test';
import { SHELLS, visiting } from '../lib/browser.mjs';
import { fits, isAccessible } from '../lib/inspect.mjs';

const PAGES = {
  interface: '/api/v1/docs',
  'problem types': '/problems',
  'a problem': '/problems/out-of-stock',
};

for (const shell of Object.keys(SHELLS)) {
  test(`pages of reference on a ${shell}`, (t) => visiting({ shell }, async (page) => {
    for (const [name, path] of Object.entries(PAGES)) {
      await t.test(name, async () => {
        const answer = await page.goto(path);
        assert.equal(answer.status(), 200);
        await fits(page);
        await isAccessible(page, `reference ${shell} ${name}`);
      });
    }
  }));
}
