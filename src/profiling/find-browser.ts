import { existsSync } from 'node:fs';
import { UserError } from '../base/errors.js';

const BROWSER_PATHS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** Chromium without a window that makes no connection of its own. */
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
 * The program of a Chromium or Chrome: `path`, else CHROMIUM_PATH, else where they are installed.
 *
 * @throws UserError where there is none
 */
export function findBrowser(path = process.env.CHROMIUM_PATH): string {
  const looked = path ? [path] : BROWSER_PATHS;
  const found = looked.find((place) => existsSync(place));
  if (found) return found;
  throw new UserError(
    `expected a Chromium or Chrome at ${looked.join(' or ')}, found none; install one or name its program by CHROMIUM_PATH (bench device: --browser, or --wait for a browser elsewhere)`,
  );
}
