import { existsSync } from 'node:fs';
import { CHROMIUM } from './chromium.js';
import type { Engine } from './engine.js';
import { FIREFOX } from './firefox.js';
import { WEBKIT } from './webkit.js';

/** All browsers that the loader is tested in. */
export const ENGINES: readonly Engine[] = [CHROMIUM, FIREFOX, WEBKIT];

/** Why an engine can't be tested on this machine, if so. */
export function whyMissing({ programs, packages }: Engine): string | undefined {
  const missing = programs.filter((program) => !existsSync(program));
  return missing.length > 0
    ? `expected ${missing.join(' and ')}, found none; Debian: apt-get install ${packages.join(' ')}`
    : undefined;
}
