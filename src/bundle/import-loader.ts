import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Loader from '../../templates/loader/lcdnn.js';
import { BUNDLE_FILES, type Manifest } from './manifest.js';

/**
 * Imports the loader of a bundle on disk as a module. This runs code of the bundle: check the bundle first.
 * Node caches modules by URL. The version in the URL distinguishes a bundle from an older one in the same folder.
 */
export async function importLoader(folder: string, { version }: Manifest): Promise<typeof Loader> {
  return import(`${pathToFileURL(join(resolve(folder), BUNDLE_FILES.loader))}?${version}`);
}
