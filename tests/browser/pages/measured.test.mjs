// What a page costs: nothing moves once it is shown, and it arrives in at most 100 KiB before pictures.
import assert from 'node:assert/strict';
import test from 'node:test';
import { SHELLS, visiting } from '../lib/browser.mjs';
import { opensMeasured } from '../lib/measure.mjs';

const PAGES = { home: '/', category: '/c/bats', product: '/p/longroom-signature-english-willow' };
const SHIFT_MAX = 0.02;
const KIB_MAX = 100;

for (const shell of Object.keys(SHELLS)) {
  for (const [name, path] of Object.entries(PAGES)) {
    test(`${name} stands still and is small on a ${shell}`, (t) => visiting({ shell }, async (page) => {
      const { shift, bytes } = await opensMeasured(page, path);
      t.diagnostic(`${(bytes / 1024).toFixed(1)} KiB, shift ${shift.toFixed(4)}`);
      assert.ok(shift < SHIFT_MAX, `it shifts by ${shift.toFixed(4)}`);
      assert.ok(bytes <= KIB_MAX * 1024, `it takes ${(bytes / 1024).toFixed(1)} KiB`);
    }));
  }
}
