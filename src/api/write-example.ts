import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { makeFolder, writeNewFile } from '../base/files.js';
import { readBundle } from '../bundle/read-bundle.js';
import { type Example, exampleProject } from '../codegen/example-project.js';

export interface ExampleResult {
  /** Folder of the project: the bundle's, with the example's name behind it. */
  readonly folder: string;
  /** False if the folder existed: it may have been changed, so nothing is written. */
  readonly isNew: boolean;
  /** Whether the project is built by a tool of npm. */
  readonly isBuilt: boolean;
}

/**
 * Writes an example project beside a bundle: `bundles/mnist-next` for `bundles/mnist`.
 *
 * @throws UserError if the bundle can't be read, the project can't be written, or it needs a package of the model's name
 */
export function writeExample(example: Example, bundle: string): ExampleResult {
  const name = basename(resolve(bundle));
  const folder = `${join(dirname(bundle), name)}-${example}`;
  const files = exampleProject(example, readBundle(bundle).manifest.name, name);
  const isBuilt = files.has('package.json');
  if (existsSync(folder)) return { folder, isNew: false, isBuilt };
  for (const [path, text] of files) {
    makeFolder(dirname(join(folder, path)));
    writeNewFile(join(folder, path), text);
  }
  return { folder, isNew: true, isBuilt };
}
