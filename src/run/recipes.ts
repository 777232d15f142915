import { readdirSync } from 'node:fs';
import { basename, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { readJson } from '../base/json.js';
import { suggestName } from '../base/suggest-name.js';
import { type Config, checkPartialConfig, withoutFormat } from './config.js';

/** Folder of the recipes in this package. The relative path is the same from `src/` and from `dist/`. */
const FOLDER = fileURLToPath(new URL('../../recipes', import.meta.url));

/** Some options of a run, with a description. */
export interface Recipe {
  readonly name: string;
  readonly description: string;
  readonly options: Partial<Config>;
}

/** Names of the package's recipes, in alphabetical order. */
export function recipeNames(): string[] {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json'));
  return files.map((file) => basename(file, '.json')).sort();
}

/**
 * Reads one of the package's recipes by name, or a JSON file of options by path. A file may contain a `description`.
 *
 * @throws UserError if the recipe doesn't exist or an option is wrong
 */
export function readRecipe(nameOrPath: string): Recipe {
  if (nameOrPath.endsWith('.json') || nameOrPath.includes('/') || nameOrPath.includes(sep)) {
    return parse(nameOrPath, readJson(nameOrPath, z.unknown(), 'a recipe'), nameOrPath);
  }
  const names = recipeNames();
  if (!names.includes(nameOrPath)) {
    const near = suggestName(nameOrPath, names);
    const hint = near ? `did you mean ${near}?` : `"lcdnn recipes" lists them.`;
    throw new UserError(`no recipe is called "${nameOrPath}"; ${hint} To use a file, give its path: ./my-recipe.json`);
  }
  return parse(
    nameOrPath,
    readJson(join(FOLDER, `${nameOrPath}.json`), z.unknown(), 'a recipe'),
    `recipe ${nameOrPath}`,
  );
}

function parse(name: string, value: unknown, origin: string): Recipe {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { name, description: '', options: checkPartialConfig(value, origin) };
  }
  // The config of a run is a recipe, too.
  const { description = '', ...options } = withoutFormat(value) as Record<string, unknown>;
  if (typeof description !== 'string') {
    throw new UserError(`${origin}: description: expected text, found ${JSON.stringify(description)}`);
  }
  return { name, description, options: checkPartialConfig(options, origin) };
}
