// The running demo: its shops, their addresses and logins, as the node wrote them down.
import { readFileSync } from 'node:fs';

const file = process.env.GEARIFY_SUMMARY;
if (!file) throw new Error('GEARIFY_SUMMARY names no file: start the tests with tests/browser/run');
const summary = JSON.parse(readFileSync(file, 'utf8'));

/** One of the demo shops by its slug: {slug, host, url, currency, owner, customer}; `platform` is the operator's place. */
export function shop(slug) {
  if (slug === 'platform') return { slug, url: summary.operator.url, owner: summary.operator };
  const found = summary.shops.find((each) => each.slug === slug);
  if (!found) throw new Error(`the demo has no shop called ${slug}`);
  return found;
}

let people = 0;

/** An address nobody has used yet, at a domain that takes no mail. */
export function freshEmail(name) {
  people += 1;
  return `${name}.${process.pid}.${people}@shopper.example`;
}
