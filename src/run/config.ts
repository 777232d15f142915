import { basename } from 'node:path';
import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { expectation, shown } from '../base/json.js';
import { OPTIONS, type OptionName, type Options, optionNames } from './options.js';

type OptionSchemas = { [Name in OptionName]: (typeof OPTIONS)[Name]['schema'] };

/** Every option of a training run, resolved: with the data, it determines the result. `config.json` of a run. */
export const configSchema = z.strictObject({
  ...(Object.fromEntries(optionNames.map((name) => [name, OPTIONS[name].schema])) as OptionSchemas),
  /** Folder that the user named for the data set's files; without it they are looked for. */
  dataDir: z.string().optional(),
});

export type Config = z.infer<typeof configSchema>;

/** What a run's data are called; one image folder is told from another by its name. */
export const dataTitle = ({ dataset, dataDir }: Pick<Config, 'dataset' | 'dataDir'>): string =>
  dataset === 'folder' && dataDir !== undefined ? `folder ${basename(dataDir)}` : dataset;

/** What a run uses where the user says nothing. `branchLr` follows `lr`. */
export const DEFAULT_CONFIG = Object.fromEntries(
  optionNames.flatMap((name) => ('byDefault' in OPTIONS[name] ? [[name, OPTIONS[name].byDefault]] : [])),
) as Omit<Options, 'branchLr' | 'resize' | 'classes' | 'initFrom' | 'teacher'>;

/** Options over a recipe over the defaults, checked. @throws UserError that names each option that is wrong. */
export function resolveConfig(...layers: readonly Partial<Config>[]): Config {
  const given = Object.assign({}, DEFAULT_CONFIG, ...layers.map(withoutUndefined));
  return checkConfig({ branchLr: given.lr, ...given }, 'options');
}

/**
 * The config in a run directory. An option that it does not name is newer than the run, and its default is what the run
 * was trained with.
 *
 * @param origin where the value came from, for the message.
 */
export function readConfig(value: unknown, origin: string): Config {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return checkConfig(isObject ? { ...DEFAULT_CONFIG, ...value } : value, origin);
}

/** @param origin where the value came from, for the message. */
function checkConfig(value: unknown, origin: string): Config {
  const checked = configSchema.safeParse(value, { error: explain });
  if (checked.success) return checked.data;
  throw configError(checked.error, origin);
}

/** A recipe: any of the options, no others. @throws UserError naming what is wrong. */
export function checkPartialConfig(value: unknown, origin: string): Partial<Config> {
  const checked = configSchema.partial().safeParse(value, { error: explain });
  if (checked.success) return checked.data;
  throw configError(checked.error, origin);
}

function configError(error: z.ZodError, origin: string): UserError {
  const said = error.issues.map(({ path, message }) => [...path, message].join(': '));
  return new UserError(`${origin}: ${said.join('; ')}`);
}

/** An issue in our words: what was expected, what was found. */
function explain(issue: z.core.$ZodRawIssue): string {
  if (issue.code === 'unrecognized_keys')
    return `no option is called ${issue.keys.join(' or ')}; the options are ${Object.keys(configSchema.shape).join(', ')}`;
  const isWhole = issue.code === 'invalid_type' && issue.expected === 'object';
  return `${isWhole ? 'expected an object of options' : expectation(issue)}, found ${shown(issue.input)}`;
}

const withoutUndefined = (options: Partial<Config>): Partial<Config> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
