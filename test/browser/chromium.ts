import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';

const CANDIDATES = [
  process.env.CHROMIUM_PATH ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

const TIMEOUT_MS = 120_000;

/**
 * A real headless Chromium with a fresh profile that makes no connection of its own. Service workers, which all pages of
 * a profile share, are as the test says.
 */
export async function launchChromium(serviceWorkers: 'allow' | 'block' = 'block'): Promise<BrowserContext> {
  const executablePath = CANDIDATES.find((path) => path !== '' && existsSync(path));
  const browser = await chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), 'lcdnn-chromium-')), {
    executablePath,
    headless: true,
    serviceWorkers,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  // As long as a test may take: a busy machine needs more than Playwright's 30 s for a page.
  browser.setDefaultTimeout(TIMEOUT_MS);
  browser.setDefaultNavigationTimeout(TIMEOUT_MS);
  return browser;
}
