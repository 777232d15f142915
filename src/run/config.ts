import { basename } from 'node:path';
import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { expectation, shown } from '../base/json.js';
import { withoutUndefined } from '../base/without-undefined.js';
import { layerSchema } from './layer-schema.js';
import { OPTIONS, type OptionName, type Options, optionNames } from './options.js';
import { type StageOptions, stageSchema } from './stage-options.js';

type OptionSchemas = { [Name in OptionName]: (typeof OPTIONS)[Name]['schema'] };

/** Every option of a training run, with defaults filled in (`config.json`). Together with the data it determines the result. */
export const configSchema = z.strictObject({
  ...(Object.fromEntries(optionNames.map((name) => [name, OPTIONS[name].schema])) as OptionSchemas),
  /** Folder of the data set's files; if absent, lcdnn searches for them. */
  dataDir: z.string().optional(),
  /** The full network, from the image to the logits, if it isn't one of the zoo: `lcdnn import` reads it from a graph. */
  layers: z.array(layerSchema).min(1).optional(),
  /** What is trained one after another; without it, everything at once (Algorithm 1). */
  stages: z.array(stageSchema).min(1).optional(),
  /** When the run was extended: its epochs so far, and those of the schedule until then. */
  extended: z.array(z.strictObject({ epoch: z.int().nonnegative(), planned: z.int().positive() })).optional(),
});

export type Config = z.infer<typeof configSchema>;

/** Name of a run's data set for headings; an image folder is identified by its folder name. */
export const dataTitle = ({ dataset, dataDir }: Pick<Config, 'dataset' | 'dataDir'>): string =>
  dataset === 'folder' && dataDir !== undefined ? `folder ${basename(dataDir)}` : dataset;

/** Defaults of all options. `branchLr` follows `lr`. */
export const DEFAULT_CONFIG = Object.fromEntries(
  optionNames.flatMap((name) => ('byDefault' in OPTIONS[name] ? [[name, OPTIONS[name].byDefault]] : [])),
) as Omit<Options, 'branchLr' | 'resize' | 'classes' | 'range' | 'mean' | 'std' | 'patience' | 'initFrom' | 'teacher'>;

/**
 * Options over a recipe over the defaults, checked. A stage without epochs gets those of the options; the epochs of the
 * run are then the sum over its stages.
 *
 * @throws UserError that names each option that is wrong, or that the stages of an earlier layer decide
 */
export function resolveConfig(...layers: readonly Partial<Config>[]): Config {
  layers.forEach((layer, i) => {
    requireUnstaged(layer, layers.slice(0, i).findLast(({ stages }) => stages !== undefined)?.stages);
  });
  const given = Object.assign({}, DEFAULT_CONFIG, ...layers.map(withoutUndefined));
  const config = checkConfig({ branchLr: given.lr, ...given }, 'options');
  requireCombinable(config);
  if (!config.stages) return config;
  if (config.freezeFull) {
    throw new UserError('stages: expected no freezeFull beside them, found it on; each stage says what it trains');
  }
  const stages = config.stages.map((stage) => ({ ...stage, epochs: stage.epochs ?? config.epochs }));
  return { ...config, stages, epochs: stages.reduce((sum, { epochs }) => sum + epochs, 0) };
}

/** Whether epochs are compared on validation images, which then can't prove anything about the chosen one. */
export const choosesEpoch = ({ keep, patience }: Pick<Config, 'keep' | 'patience'>): boolean =>
  keep === 'best' || patience !== undefined;

/**
 * @throws UserError if a run that needs validation images keeps none, or if epochs are compared in a run with stages or
 *   before batch normalisation is computed anew
 */
function requireCombinable(config: Config): void {
  if (config.validation === 0 && (config.views === 0 || choosesEpoch(config))) {
    const what = config.views === 0 ? 'a run without --views' : 'a run that chooses an epoch (--keep best, --patience)';
    throw new UserError(`validation: expected images to validate ${what} on, found 0; give a share, such as 0.1`);
  }
  const idle = config.branch === 'none' ? config.stages?.findIndex(({ trains }) => trains === 'branch') : -1;
  if (idle !== undefined && idle >= 0) {
    throw new UserError(
      `stages: expected a branch for stage ${idle + 1} to train, found branch none; leave the stage out`,
    );
  }
  const trained: readonly { readonly distillation?: number }[] = config.stages ?? [];
  if (config.teacher !== undefined && ![config, ...trained].some(({ distillation = 0 }) => distillation > 0)) {
    throw new UserError('teacher: expected a weight for its answers, found distillation 0; give one, such as 1');
  }
  if (config.distillationFolds > 0 && config.views === 0) {
    throw new UserError(
      `distillationFolds: expected 0 in a run without --views, found ${config.distillationFolds}; give --views, or leave it out`,
    );
  }
  const tunes = ({ trains, fineTune = 0 }: StageOptions): boolean => trains !== 'full' && fineTune > 0;
  if (config.distillationFolds > 0 && config.stages?.some(tunes)) {
    throw new UserError(
      `distillationFolds: expected stages that fine-tune the full network alone, found ${config.distillationFolds} beside ` +
        'another; fine-tune in a stage with trains "full", then train the branch',
    );
  }
  if (!choosesEpoch(config)) return;
  const option = config.keep === 'best' ? 'keep best' : 'patience';
  if (config.stages) throw new UserError(`${option}: expected a recipe without stages, found ${config.stages.length}`);
  if (config.recalibration > 0) {
    throw new UserError(
      `${option}: expected recalibration 0, because it changes the network after the last epoch, found ${config.recalibration}`,
    );
  }
}

/** @throws UserError if a layer sets an option that the stages below it set for themselves */
function requireUnstaged(layer: Partial<Config>, stages: Config['stages']): void {
  const names = new Set((stages ?? []).flatMap((stage) => Object.keys(stage)));
  const taken = Object.keys(withoutUndefined(layer)).find((name) => names.has(name));
  if (taken === undefined) return;
  throw new UserError(
    `${taken}: expected no value, because the stages of the recipe set it; change it in a copy of the recipe`,
  );
}

/**
 * Reads the config of a run directory. Options that are missing are newer than the run and get their defaults, which
 * correspond to how the run was trained.
 *
 * @param origin where the value came from, for messages
 */
export function readConfig(value: unknown, origin: string): Config {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return checkConfig(isObject ? { ...DEFAULT_CONFIG, ...withoutFormat(value) } : value, origin);
}

/** The options in a run's `config.json`, without the number of its format. */
export const withoutFormat = ({ format: _, ...options }: object & { readonly format?: unknown }): object => options;

/** @param origin where the value came from, for messages */
function checkConfig(value: unknown, origin: string): Config {
  const checked = configSchema.safeParse(value, { error: explain });
  if (checked.success) return checked.data;
  throw configError(checked.error, origin);
}

/** Checks a subset of the options, as in a recipe. @throws UserError that lists all wrong options */
export function checkPartialConfig(value: unknown, origin: string): Partial<Config> {
  const checked = configSchema.partial().safeParse(value, { error: explain });
  if (checked.success) return checked.data;
  throw configError(checked.error, origin);
}

function configError(error: z.ZodError, origin: string): UserError {
  const faults = error.issues.map(({ path, message }) => [...path, message].join(': '));
  return new UserError(`${origin}: ${faults.join('; ')}`);
}

/** Describes an issue: what was expected, what was found. */
function explain(issue: z.core.$ZodRawIssue): string {
  if (issue.code === 'unrecognized_keys')
    return `no option is called ${issue.keys.join(' or ')}; the options are ${Object.keys(configSchema.shape).join(', ')}`;
  const isWhole = issue.code === 'invalid_type' && issue.expected === 'object';
  return `${isWhole ? 'expected an object of options' : expectation(issue)}, found ${shown(issue.input)}`;
}
