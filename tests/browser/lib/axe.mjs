// Accessibility, as axe sees it.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Every violation on the page, one line each: rule, how many, the first place and what to do there. */
export async function violations(page) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(source);
  const found = await page.evaluate(async () => (await axe.run(document, { resultTypes: ['violations'] })).violations
    .map(({ id, help, nodes }) => ({ id, help, count: nodes.length, target: nodes[0].target.join(' '), why: nodes[0].failureSummary })));
  return found.map(({ id, help, count, target, why }) => (
    `${id} (${help}) at ${count} place(s), first ${target}: ${why.split('\n').slice(1).join(' ').trim()}`));
}
