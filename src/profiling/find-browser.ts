import { existsSync } from 'node:fs';
import { UserError } from '../base/errors.js';

const BROWSER_PATHS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** Flags of a headless Chromium that makes no connections by itself. */
export const HEADLESS = [
  '--headless',
  // Chromium has no sandbox for root.
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * Finds the program of Chromium or Chrome: `path`, else CHROMIUM_PATH, else the usual places.
 *
 * @throws UserError if there is none
 */
export function findBrowser(path = process.env.CHROMIUM_PATH): string {
  const candidates = path ? [path] : BROWSER_PATHS;
  const browser = candidates.find((candidate) => existsSync(candidate));
  if (browser) return browser;
  throw new UserError(
    `expected a Chromium or Chrome at ${candidates.join(' or ')}, found none; install one or set CHROMIUM_PATH to its program (bench device: --browser, or --wait for a browser elsewhere)`,
  );
}
