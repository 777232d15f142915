import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const PACKAGE = '@litertjs/core';

/** How to get LiteRT.js. */
export const INSTALL_LITERT = `npm install ${PACKAGE}`;

/** How much of LiteRT.js is served: every build of its WebAssembly, or only the one that Chromium takes. */
export type LiteRtBuilds = 'all' | 'chromium';

/**
 * The files of the installed LiteRT.js for a page, by path: `core.js` to import, and the folder `wasm/`. Only the import
 * of its helper package becomes a path.
 *
 * @returns undefined if it is installed neither in the current folder nor beside lcdnn
 */
export function liteRtFiles(builds: LiteRtBuilds): Map<string, Uint8Array> | undefined {
  const entry = installedEntry();
  if (entry === undefined) return undefined;
  const helpers = createRequire(entry).resolve('@litertjs/wasm-utils');
  const core = readFileSync(entry, 'utf8').replace('"@litertjs/wasm-utils"', '"./wasm-utils.js"');
  const folder = join(dirname(entry), '..', 'wasm');
  const wasm = readdirSync(folder).filter((file) => builds === 'all' || /^litert_wasm_internal\./.test(file));
  return new Map([
    ['core.js', Buffer.from(core)],
    ['wasm-utils.js', readFileSync(helpers)],
    ...wasm.map((file) => [`wasm/${file}`, readFileSync(join(folder, file))] as const),
  ]);
}

function installedEntry(): string | undefined {
  for (const from of [join(process.cwd(), 'package.json'), import.meta.url]) {
    try {
      return createRequire(from).resolve(PACKAGE);
    } catch {}
  }
  return undefined;
}
