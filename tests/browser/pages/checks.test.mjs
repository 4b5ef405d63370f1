// The checks themselves: each must notice the fault it is there for.
import assert from 'node:assert/strict';
import test from 'node:test';
import { violations } from '../lib/axe.mjs';
import { SHELLS, visiting } from '../lib/browser.mjs';
import { fits } from '../lib/inspect.mjs';
import { opensMeasured } from '../lib/measure.mjs';

const POLICY = "default-src 'none'; img-src * data:; script-src 'self'";

/** A page of the shop's own host, with the given body and the policy above. */
async function faulty(page, body) {
  await serves(page, body);
  await page.goto('/faulty');
  await page.waitForTimeout(200);
}

async function serves(page, body) {
  await page.route('**/faulty', (route) => route.fulfill({
    contentType: 'text/html',
    headers: { 'Content-Security-Policy': POLICY },
    body: `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Faulty</title><link rel="icon" href="data:,"><main><h1>Faulty</h1>${body}</main>`,
  }));
}

for (const [fault, body, words] of [
  ['an inline script', '<script>1</script>', /content policy|Content Security Policy/],
  ['a picture from another host', '<img alt="" src="http://localhost:9/x.png">', /image from another host/],
  ['a missing file', '<script src="/no/such.js"></script>', /404 for GET/],
]) {
  test(`a visitor notices ${fault}`, async () => {
    await assert.rejects(visiting({}, (page) => faulty(page, body)), words);
  });
}

test('a visitor notices an error in a script', async () => {
  await assert.rejects(visiting({}, async (page) => {
    await page.goto('/pages/terms');
    await page.evaluate(() => { setTimeout(() => { throw new Error('off the edge'); }); });
    await page.waitForTimeout(100);
  }), /off the edge/);
});

test('axe notices a field without a name', () => visiting({}, async (page) => {
  await faulty(page, '<input>');
  assert.match((await violations(page)).join(), /label/);
}));

test('axe notices words that fade in the dark, where only colours are looked at', () => visiting({ scheme: 'dark' }, async (page) => {
  await faulty(page, '<p id="faint">Faint</p>');
  await page.evaluate(() => Object.assign(document.getElementById('faint').style, { color: '#777', background: '#666' }));
  assert.match((await violations(page, { onlyColours: true })).join(), /color-contrast/);
}));

for (const [shell, { viewport }] of Object.entries(SHELLS)) {
  test(`a page wider than a ${shell} is noticed`, () => visiting({ shell }, async (page) => {
    await faulty(page, '<p>Wide</p>');
    await fits(page);
    await page.evaluate(() => { document.querySelector('h1').style.width = '3000px'; });
    await assert.rejects(fits(page), new RegExp(`3\\d\\d\\d px in a window of ${viewport.width}`));
  }));
}

test('what moves and what is heavy is measured', () => visiting({}, async (page) => {
  await page.addInitScript(() => addEventListener('load', () => setTimeout(() => {
    document.querySelector('h1').style.marginTop = '400px';
  }, 300)));
  await page.route('**/late.js', (route) => route.fulfill({ contentType: 'text/javascript', body: '' }));
  await serves(page, `<script src="/late.js"></script><p>Moved<!--${'heavy '.repeat(20_000)}--></p>`);
  const { shift, bytes, blocking } = await opensMeasured(page, '/faulty');
  assert.ok(shift > 0.02, `a shift of ${shift}`);
  assert.ok(bytes > 100 * 1024, `${bytes} bytes`);
  assert.deepEqual(blocking, ['/late.js']);
}));
