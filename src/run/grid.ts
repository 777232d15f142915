import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { readJson } from '../base/json.js';
import { withoutUndefined } from '../base/without-undefined.js';
import { type Config, checkPartialConfig, resolveConfig } from './config.js';
import { optionText } from './option-text.js';
import { openRun, type Run, runExists } from './run-directory.js';
import { withWholeStages } from './stage-changes.js';

/** A grid file: options shared by all runs, and the changes of each run. */
const gridSchema = z.strictObject({
  base: z.unknown().optional(),
  variants: z.record(z.string(), z.unknown()),
});

/** One run of an ablation. */
export interface Variant {
  /** Also the name of its folder. */
  readonly name: string;
  /** Options that differ from the base, as in the grid file. */
  readonly changes: Readonly<Record<string, unknown>>;
  /** Every option set by the grid file or the user, without defaults. */
  readonly given: Partial<Config>;
  readonly config: Config;
}

/** Name of the run without changes. */
export const BASE = 'base';

/** Lower-case, because some file systems ignore case, and short enough for a chart label. */
const NAME = /^[a-z0-9]+([.-][a-z0-9]+)*$/;
const LONGEST_NAME = 32;

/** Options that select the images: runs that differ in these can't be compared. */
const SHARED = ['dataset', 'dataDir', 'classes'] as const;

/**
 * Reads the grid of an ablation: `{ "base": { options }, "variants": { "name": { options }, ... } }`, with the options of
 * a config file. If the base trains in stages, a variant may change those that train the same:
 * `{ "stages": { "full": { "cutout": 0 } } }`.
 *
 * @param overrides options that replace those of the base; a variant's options replace both
 * @returns the base, then the variants in the order of the file
 * @throws UserError that names the file, the variant and the wrong option
 */
export function readGrid(path: string, overrides: Partial<Config> = {}): Variant[] {
  const grid = readJson(
    path,
    gridSchema,
    'a grid file: { "base": { options }, "variants": { "name": { options }, ... } }',
  );
  const own = grid.base === undefined ? {} : checkPartialConfig(grid.base, `${path}, base`);
  const base: Partial<Config> = { ...own, ...withoutUndefined(overrides) };
  const first: Variant = { name: BASE, changes: {}, given: base, config: resolveConfig(own, overrides) };
  const variants = Object.entries(grid.variants).map(([name, changes]): Variant => {
    const origin = `${path}, variant ${name}`;
    requireName(name, path);
    const options = checkPartialConfig(withWholeStages(changes, base.stages, origin), origin);
    const fixed = SHARED.find((option) => option in options);
    if (fixed) throw new UserError(`${origin}: expected the data of the base, found ${fixed}; give it in the base`);
    const given = { ...base, ...options };
    const config = resolveConfig(given);
    if (differences(config, first.config).length === 0) {
      throw new UserError(`${origin}: expected an option that differs from the base, found none; leave it out`);
    }
    return { name, changes: changes as Variant['changes'], given, config };
  });
  if (variants.length === 0) throw new UserError(`${path}: expected at least one variant, found none`);
  return [first, ...variants];
}

/** The run of a variant in this folder, if it exists. @throws UserError if it was started with different options */
export function openVariant(path: string, { name, config }: Variant): Run | undefined {
  if (!runExists(path)) return undefined;
  const run = openRun(path);
  const [changed] = differences(run.config, config);
  if (changed === undefined) return run;
  throw new UserError(
    `${path}: holds a run with ${changed} ${optionText(run.config[changed])}, the grid asks for ${optionText(config[changed])} in ${name}; ` +
      'choose another --out, rename the variant, or remove that folder',
  );
}

/** Options in which a run may differ from its variant: where its data is, and how far it was extended. */
const MAY_DIFFER = new Set(['dataDir', 'extended']);

function differences(one: Config, other: Config): (keyof Config)[] {
  const options = [...new Set([...Object.keys(one), ...Object.keys(other)])] as (keyof Config)[];
  return options.filter((option) => !MAY_DIFFER.has(option) && !isDeepStrictEqual(one[option], other[option]));
}

function requireName(name: string, path: string): void {
  if (name === BASE)
    throw new UserError(`${path}: expected another name for variant ${BASE}; the base is the first row`);
  if (NAME.test(name) && name.length <= LONGEST_NAME) return;
  throw new UserError(
    `${path}: expected variants named by up to ${LONGEST_NAME} lower-case letters, digits, and hyphens or dots between ` +
      `them, because each names a folder; found ${JSON.stringify(name)}`,
  );
}
