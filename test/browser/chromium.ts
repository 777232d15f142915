import type { BrowserContext } from 'playwright-core';
import { type ChromiumOptions, launchChromium as launch } from '../../src/profiling/launch-chromium.js';

const TIMEOUT_MS = 120_000;

/**
 * A Chromium whose pages may take as long as a test: a busy machine needs more than Playwright's 30 s. On such a machine
 * Chromium sometimes crashes while it starts; then another one is started, once.
 */
export async function launchChromium(options: ChromiumOptions = {}): Promise<BrowserContext> {
  const browser = await startedChromium(options).catch(() => startedChromium(options));
  browser.setDefaultTimeout(TIMEOUT_MS);
  browser.setDefaultNavigationTimeout(TIMEOUT_MS);
  return browser;
}

/** A Chromium that has shown a page. */
async function startedChromium(options: ChromiumOptions): Promise<BrowserContext> {
  const browser = await launch(options);
  const page = await browser.newPage();
  await page.goto('data:text/html,<title>ready</title>', { timeout: TIMEOUT_MS });
  await page.close();
  return browser;
}
