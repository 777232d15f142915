import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../base/errors.js';

/** Example projects that use a bundle: the folders of `templates/examples/`. */
export const EXAMPLES = ['plain', 'next', 'react', 'svelte', 'vue'] as const;
export type Example = (typeof EXAMPLES)[number];

const TEMPLATES = fileURLToPath(new URL('../../templates/examples/', import.meta.url));

/**
 * The files of an example project, by their path, with the names of model and bundle filled in.
 *
 * @param model name of the model, under which the project imports the bundle
 * @param bundle name of the bundle's folder, which is beside the project
 * @throws UserError if the project needs a package of the model's name
 */
export function exampleProject(example: Example, model: string, bundle: string): Map<string, string> {
  const folder = join(TEMPLATES, example);
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const files = new Map(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [relative(folder, path).split(sep).join('/'), readFileSync(path, 'utf8')] as const;
    }),
  );
  const description = files.get('package.json');
  // npm leaves files of the name .npmrc out of packages, so the template has another name.
  if (description !== undefined) files.set('.npmrc', readFileSync(join(TEMPLATES, 'npmrc'), 'utf8'));
  if (description?.includes(`"${model}":`)) {
    throw new UserError(
      `--example ${example}: expected a model with a name of its own, found ${model}, which is a package that the example needs; give --name`,
    );
  }
  for (const [path, text] of files) {
    const folderName = path === 'package.json' ? JSON.stringify(bundle).slice(1, -1) : encodeURIComponent(bundle);
    files.set(
      path,
      text.replaceAll('MODEL', model).replaceAll('BUNDLE', () => folderName),
    );
  }
  return files;
}
