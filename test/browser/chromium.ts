import type { BrowserContext } from 'playwright-core';
import { type ChromiumOptions, launchChromium as launch } from '../../src/profiling/launch-chromium.js';

const TIMEOUT_MS = 120_000;

/** A Chromium whose pages may take as long as a test: a busy machine needs more than Playwright's 30 s. */
export async function launchChromium(options: ChromiumOptions = {}): Promise<BrowserContext> {
  const browser = await launch(options);
  browser.setDefaultTimeout(TIMEOUT_MS);
  browser.setDefaultNavigationTimeout(TIMEOUT_MS);
  return browser;
}
