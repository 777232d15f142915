import type { Engine } from './engine.js';
import { endGroup, startProgram } from './programs.js';
import { launchWithDriver } from './webdriver.js';

const DRIVER = '/usr/bin/WebKitWebDriver';
const SCREEN = '/usr/bin/Xvfb';

/** WebKitGTK's own small browser, on a screen in memory. */
export const WEBKIT: Engine = {
  name: 'WebKitGTK',
  programs: [DRIVER, SCREEN],
  packages: ['webkit2gtk-driver', 'xvfb'],
  lacks: ['relaxed SIMD', 'wasm policy'],
  workerThread: 'WebCore: Worker',
  async launch() {
    const screen = await startProgram(SCREEN, ['-displayfd', '1', '-nolisten', 'tcp'], /^(\d+)\n/m);
    const env = { DISPLAY: `:${screen.found}`, GDK_BACKEND: 'x11', LIBGL_ALWAYS_SOFTWARE: '1' };
    const browser = await launchWithDriver({ driver: DRIVER, capabilities: {}, env });
    return {
      ...browser,
      async close() {
        await browser.close();
        await endGroup(screen.child);
      },
    };
  },
};
