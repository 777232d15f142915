import { z } from 'zod';
import { UserError } from '../base/errors.js';

export const OPTIMIZER_NAMES = ['momentum', 'adam'] as const;
export const SCHEDULE_NAMES = ['constant', 'step', 'cosine'] as const;

const share = z.number().min(0);

/** Every option of a training run, resolved: with the data, it determines the result. `config.json` of a run. */
export const configSchema = z.strictObject({
  network: z.string(),
  /** Factor on filters and hidden units. */
  width: z.number().positive().max(64),
  /** Layer after which the branch leaves the full network. */
  attach: z.string(),
  /** Its binary layers: `mirror`, or `conv=N,fc=M`. */
  branch: z.string(),
  dataset: z.string(),
  /** Folder that the user named for the data set's files; without it they are looked for. */
  dataDir: z.string().optional(),
  epochs: z.int().min(1).max(100_000),
  batchSize: z.int().min(1).max(65_536),
  optimizer: z.enum(OPTIMIZER_NAMES),
  /** Learning rate of conv1 and the full branch (η_full), and of the binary branch (η_BNN). */
  lr: z.number().positive(),
  branchLr: z.number().positive(),
  schedule: z.enum(SCHEDULE_NAMES),
  weightDecay: share,
  /** Weight of the branch's loss in the sum; Eq. 1 has 1. */
  branchWeight: share,
  /** Weight of distillation from the full branch to the binary one, and its temperature. */
  distillation: share,
  temperature: z.number().positive(),
  /** K of Eq. 4. */
  inputScale: z.boolean(),
  /** Largest random shift of a training image, in pixels; random mirroring. */
  shift: z.int().min(0).max(64),
  flip: z.boolean(),
  seed: z.int().nonnegative(),
  /** Share of the training images (below 1), or their number, kept for validation. */
  validation: z.number().positive(),
  engine: z.string(),
});

export type Config = z.infer<typeof configSchema>;

/** What a run uses where the user says nothing. `branchLr` follows `lr`. */
export const DEFAULT_CONFIG: Omit<Config, 'branchLr'> = {
  network: 'lenet',
  width: 1,
  attach: 'conv1',
  branch: 'mirror',
  dataset: 'fashion-mnist-sample',
  epochs: 20,
  batchSize: 64,
  optimizer: 'adam',
  lr: 0.002,
  schedule: 'cosine',
  weightDecay: 0,
  branchWeight: 1,
  distillation: 0,
  temperature: 2,
  inputScale: false,
  shift: 0,
  flip: false,
  seed: 1,
  validation: 0.1,
  engine: 'onnxruntime',
};

/** Options over a config file over the defaults, checked. @throws UserError that names each option that is wrong. */
export function resolveConfig(...layers: readonly Partial<Config>[]): Config {
  const given = Object.assign({}, DEFAULT_CONFIG, ...layers.map(withoutUndefined));
  return checkConfig({ branchLr: given.lr, ...given }, 'options');
}

/** @param origin where the value came from, for the message. */
export function checkConfig(value: unknown, origin: string): Config {
  const checked = configSchema.safeParse(value, { error: explain });
  if (checked.success) return checked.data;
  throw mistakes(checked.error, origin);
}

/** A config file: any of the options, no others. @throws UserError naming what is wrong. */
export function checkPartialConfig(value: unknown, origin: string): Partial<Config> {
  const checked = configSchema.partial().safeParse(value, { error: explain });
  if (checked.success) return checked.data;
  throw mistakes(checked.error, origin);
}

function mistakes(error: z.ZodError, origin: string): UserError {
  const said = error.issues.map(({ path, message }) => [...path, message].join(': '));
  return new UserError(`${origin}: ${said.join('; ')}`);
}

/** An issue in our words: what was expected, what was found. */
function explain(issue: z.core.$ZodRawIssue): string | undefined {
  const found = issue.input === undefined ? 'nothing' : JSON.stringify(issue.input);
  switch (issue.code) {
    case 'too_small':
      return `expected a number ${issue.inclusive ? 'from' : 'above'} ${issue.minimum}, found ${found}`;
    case 'too_big':
      return `expected a number up to ${issue.maximum}, found ${found}`;
    case 'invalid_type':
      return `expected ${TYPES[issue.expected] ?? issue.expected}, found ${found}`;
    case 'invalid_value':
      return `expected one of ${issue.values.join(', ')}, found ${found}`;
    case 'unrecognized_keys':
      return `no option is called ${issue.keys.join(' or ')}; there are: ${Object.keys(configSchema.shape).join(', ')}`;
    default:
      return undefined;
  }
}

const TYPES: Readonly<Record<string, string>> = {
  object: 'an object of options',
  int: 'a whole number',
  number: 'a number',
  string: 'text',
  boolean: 'true or false',
};

const withoutUndefined = (options: Partial<Config>): Partial<Config> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
