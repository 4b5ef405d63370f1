// Accessibility, as axe sees it.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The rules of axe's standard set that another colour scheme can break. */
const COLOURS = ['color-contrast', 'link-in-text-block'];

/**
 * Every violation on the page, one line each: rule, how many, the first place and what to do there.
 * `onlyColours` for a page that was looked at in other colours already.
 */
export async function violations(page, { onlyColours = false } = {}) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(source);
  const found = await page.evaluate(async (rules) => (
    await axe.run(document, { resultTypes: ['violations'], ...(rules && { runOnly: { type: 'rule', values: rules } }) })
  ).violations.map(({ id, help, nodes }) => (
    { id, help, count: nodes.length, target: nodes[0].target.join(' '), why: nodes[0].failureSummary }
  )), onlyColours ? COLOURS : null);
  return found.map(({ id, help, count, target, why }) => (
    `${id} (${help}) at ${count} place(s), first ${target}: ${why.split('\n').slice(1).join(' ').trim()}`));
}
