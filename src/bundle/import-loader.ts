import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Loader from '../../templates/loader/lcdnn.js';
import { BUNDLE_FILES, type Manifest } from './manifest.js';

/**
 * The loader of a bundle on disk, as a module. It is code of the bundle that runs: check the bundle first.
 * Node keeps modules by URL; the version in it tells a bundle from an older one that stood in the same folder.
 */
export async function importLoader(folder: string, { version }: Manifest): Promise<typeof Loader> {
  return import(`${pathToFileURL(join(resolve(folder), BUNDLE_FILES.loader))}?${version}`);
}
