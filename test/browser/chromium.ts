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

/** A real headless Chromium with a fresh profile that makes no connection of its own. */
export function launchChromium(): Promise<BrowserContext> {
  const executablePath = CANDIDATES.find((path) => path !== '' && existsSync(path));
  return chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), 'lcdnn-chromium-')), {
    executablePath,
    headless: true,
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
}
