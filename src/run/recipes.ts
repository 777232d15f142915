import { readdirSync } from 'node:fs';
import { basename, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { readJson } from '../base/json.js';
import { suggestName } from '../base/suggest-name.js';
import { type Config, checkPartialConfig } from './config.js';

/** The package's own recipes. The same from `src/` and from `dist/`. */
const FOLDER = fileURLToPath(new URL('../../recipes', import.meta.url));

/** Some of the options of a run, and what they are for. */
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
 * One of the package's recipes by name, or any JSON file of options by its path; a file may have a `description`.
 *
 * @throws UserError where there is none, or an option is wrong
 */
export function readRecipe(nameOrPath: string): Recipe {
  if (nameOrPath.endsWith('.json') || nameOrPath.includes('/') || nameOrPath.includes(sep)) {
    return parse(nameOrPath, readJson(nameOrPath, z.unknown(), 'a recipe'), nameOrPath);
  }
  const names = recipeNames();
  if (!names.includes(nameOrPath)) {
    const near = suggestName(nameOrPath, names);
    const hint = near ? `did you mean ${near}?` : `"lcdnn recipes" lists them`;
    throw new UserError(
      `no recipe is called "${nameOrPath}"; ${hint} A file is named by its path, as ./my-recipe.json`,
    );
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
  const { description = '', ...options } = value as Record<string, unknown>;
  if (typeof description !== 'string') {
    throw new UserError(`${origin}: description: expected text, found ${JSON.stringify(description)}`);
  }
  return { name, description, options: checkPartialConfig(options, origin) };
}
