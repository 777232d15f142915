import { findBrowser, HEADLESS } from '../../../src/profiling/find-browser.js';
import type { Engine } from './engine.js';
import { launchWithDriver } from './webdriver.js';

const DRIVER = '/usr/bin/chromedriver';

/** Chromium, controlled by its own driver: Playwright can't go back to a page that the browser kept. */
export const CHROMIUM: Engine = {
  name: 'Chromium',
  programs: [DRIVER],
  packages: ['chromium', 'chromium-driver'],
  collectGarbage: 'gc()',
  workerThread: 'DedicatedWorker',
  launch: () =>
    launchWithDriver({
      driver: DRIVER,
      capabilities: { 'goog:chromeOptions': { binary: findBrowser(), args: [...HEADLESS, '--js-flags=--expose-gc'] } },
    }),
};
