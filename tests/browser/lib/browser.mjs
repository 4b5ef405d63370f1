// The browser, and visitors in it: one visitor is one person with cookies of their own.
//
// Whatever a story tests besides, a visitor's pages must be quiet: no error on the console, no breach
// of the content policy, no request to anybody but the shop, nothing missing. That is checked when
// the visitor leaves.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { after } from 'node:test';
import { chromium } from 'playwright-core';
import { shop } from './world.mjs';
import { watch } from './watch.mjs';

const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

// A browser that calls nobody: no updates, no safe browsing, no field trials. Without a sandbox, because
// a container's root may not make one; the only pages it opens are the shop's own.
const ARGUMENTS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
];

/** The two shells of the storefront as their devices ask for them. */
export const SHELLS = {
  desktop: { viewport: { width: 1280, height: 900 } },
  phone: {
    viewport: { width: 390, height: 844 },
    isMobile: true,
    hasTouch: true,
    userAgent: 'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) '
      + 'Chrome/156.0.0.0 Mobile Safari/537.36',
  },
};

/** How long one step of a story may take, on a machine that does other things besides. */
const STEP_MS = 15_000;

let running;

async function browser() {
  const executablePath = process.env.CHROMIUM ?? PROGRAMS.find((program) => existsSync(program));
  assert.ok(executablePath, 'there is no Chromium: apt-get install chromium');
  running ??= chromium.launch({ executablePath, args: ARGUMENTS });
  return running;
}

after(async () => (await running)?.close());

/** Lets a visitor into a shop, and out again when the story is done. */
export async function visiting({ slug = 'willow', shell = 'desktop', scripts = true, scheme = 'light' }, story) {
  const place = shop(slug);
  const context = await (await browser()).newContext({
    ...SHELLS[shell],
    baseURL: place.url,
    colorScheme: scheme,
    javaScriptEnabled: scripts,
    locale: 'en-GB',
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(STEP_MS);
  const troubles = await watch(context, place);
  const page = await context.newPage();
  try {
    await story(page, place);
  } catch (error) {
    await picture(page, `failed-${Date.now()}`);
    error.message += `\n  at ${page.url()}${troubles.length ? `\n  ${troubles.join('\n  ')}` : ''}`;
    throw error;
  } finally {
    await context.close();
  }
  if (troubles.length) assert.fail(`the pages were not quiet:\n  ${troubles.join('\n  ')}`);
}

/** Keeps what the visitor sees, where SHOTS names a directory. */
export async function picture(page, name) {
  const folder = process.env.SHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true }).catch(() => {});
}
