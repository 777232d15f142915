import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';
import { findBrowser, HEADLESS } from '../../src/bench/find-browser.js';

const TIMEOUT_MS = 120_000;

/**
 * A real headless Chromium with a fresh profile that makes no connection of its own. Service workers, which all pages of
 * a profile share, are as the test says.
 *
 * @param args further ones of the command line
 */
export async function launchChromium(
  serviceWorkers: 'allow' | 'block' = 'block',
  args: readonly string[] = [],
): Promise<BrowserContext> {
  const browser = await chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), 'lcdnn-chromium-')), {
    executablePath: findBrowser(),
    headless: true,
    serviceWorkers,
    args: [...HEADLESS, ...args],
  });
  // As long as a test may take: a busy machine needs more than Playwright's 30 s for a page.
  browser.setDefaultTimeout(TIMEOUT_MS);
  browser.setDefaultNavigationTimeout(TIMEOUT_MS);
  return browser;
}
