import type { BrowserContext } from 'playwright-core';
import { UserError } from '../base/errors.js';
import { findBrowser, HEADLESS } from './find-browser.js';

export interface ChromiumOptions {
  /** Whether service workers, which all pages of a profile share, may run. Default `block`. */
  readonly serviceWorkers?: 'allow' | 'block';
  /** Additional flags for Chromium. */
  readonly args?: readonly string[];
  /** Path of its program. Default: the result of `findBrowser`. */
  readonly program?: string;
}

/**
 * Starts a headless Chromium with a fresh profile that makes no connections by itself.
 *
 * @throws UserError if playwright-core, which controls it, or the browser isn't installed
 */
export async function launchChromium({
  serviceWorkers = 'block',
  args = [],
  program,
}: ChromiumOptions = {}): Promise<BrowserContext> {
  const executablePath = findBrowser(program);
  const { chromium } = await import('playwright-core').catch(() => {
    throw new UserError(
      'expected the package playwright-core, found none; install it beside lcdnn: npm install playwright-core',
    );
  });
  // Without a profile folder, Playwright creates one and removes it.
  return chromium
    .launchPersistentContext('', { executablePath, headless: true, serviceWorkers, args: [...HEADLESS, ...args] })
    .catch((thrown: Error) => {
      throw new UserError(
        `${executablePath}: expected a Chromium that starts, found: ${thrown.message.split('\n')[0]}`,
      );
    });
}
