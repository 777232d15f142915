import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { messageOf, UserError } from '../base/errors.js';
import { readFileOrExplain } from '../base/files.js';
import { checkValue } from '../base/json.js';

/** Names of a config file, in the order in which they are looked for in a folder. */
const NAMES = ['lcdnn.config.json', 'lcdnn.config.yaml', 'lcdnn.config.yml', 'lcdnn.config.mjs'];
/** Section with defaults for every command that has the flag. */
export const ALL_COMMANDS = 'all';
const WHAT = 'a config file: { "COMMAND": { "flag": value, ... }, ... }';

const single = z.union([z.string(), z.number(), z.boolean()]);
const sections = z.record(
  z.string(),
  z.record(z.string(), z.union([single, z.array(z.union([z.string(), z.number()]))])),
);

export type FlagValue = z.infer<typeof single> | readonly (string | number)[];

/** Defaults of flags, by command and flag. */
export interface ConfigFile {
  readonly path: string;
  readonly sections: Readonly<Record<string, Readonly<Record<string, FlagValue>>>>;
}

/**
 * The config file of a folder or of the nearest folder above it. `LCDNN_CONFIG` in the environment names another file, or
 * "none".
 *
 * @throws UserError if the file can't be read or isn't a table of commands and flags
 */
export async function readConfigFile(folder = process.cwd()): Promise<ConfigFile | undefined> {
  const { LCDNN_CONFIG: named } = process.env;
  if (named === 'none') return undefined;
  const path = named ? resolve(named) : findUpwards(folder);
  if (path === undefined) return undefined;
  return { path, sections: checkValue(await contentOf(path), sections, path, WHAT) };
}

function findUpwards(folder: string): string | undefined {
  const found = NAMES.map((name) => join(folder, name)).find((path) => existsSync(path));
  const parent = dirname(folder);
  return found ?? (parent === folder ? undefined : findUpwards(parent));
}

async function contentOf(path: string): Promise<unknown> {
  if (path.endsWith('.mjs')) {
    if (!existsSync(path)) throw new UserError(`${path}: expected ${WHAT}, found no such file`);
    return contentOfModule(path);
  }
  const text = readFileOrExplain(path, WHAT).toString('utf8');
  try {
    return path.endsWith('.json') ? JSON.parse(text) : (await import('yaml')).parse(text);
  } catch (thrown) {
    const kind = path.endsWith('.json') ? 'JSON' : 'YAML';
    throw new UserError(
      `${path}: expected ${WHAT}, found text that isn't ${kind} (${messageOf(thrown).split('\n')[0]})`,
    );
  }
}

async function contentOfModule(path: string): Promise<unknown> {
  let module: { default?: unknown };
  try {
    module = await import(pathToFileURL(path).href);
  } catch (thrown) {
    throw new UserError(`${path}: expected a module that exports its table as default, found: ${messageOf(thrown)}`);
  }
  const { default: value } = module;
  return typeof value === 'function' ? value() : value;
}
