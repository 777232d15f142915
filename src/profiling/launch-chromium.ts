import type { BrowserContext } from 'playwright-core';
import { UserError } from '../base/errors.js';
import { findBrowser, HEADLESS } from './find-browser.js';

export interface ChromiumOptions {
  /** Service workers, which all pages of a profile share. Default `block`. */
  readonly serviceWorkers?: 'allow' | 'block';
  /** Further flags of Chromium. */
  readonly args?: readonly string[];
  /** Its program; default: as `findBrowser` has it. */
  readonly program?: string;
}

/**
 * A real headless Chromium with a fresh profile that makes no connection of its own.
 *
 * @throws UserError where playwright-core, which speaks to it, or the browser is not installed
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
  // No profile is given: Playwright makes one and removes it.
  return chromium
    .launchPersistentContext('', { executablePath, headless: true, serviceWorkers, args: [...HEADLESS, ...args] })
    .catch((thrown: Error) => {
      throw new UserError(
        `${executablePath}: expected a Chromium that starts, found: ${thrown.message.split('\n')[0]}`,
      );
    });
}
