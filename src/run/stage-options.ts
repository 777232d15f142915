import { z } from 'zod';
import { OPTIONS, type OptionName } from './options.js';

/** Options that a stage of training may set for itself: how it trains, not which network or which data. */
export const STAGE_OPTIONS = [
  'epochs',
  'batchSize',
  'optimizer',
  'lr',
  'branchLr',
  'schedule',
  'warmup',
  'weightDecay',
  'averageDecay',
  'recalibration',
  'labelSmoothing',
  'branchWeight',
  'distillation',
  'temperature',
  'estimator',
  'floatWeights',
  'branchStart',
  'fineTune',
  'shift',
  'shiftFill',
  'flip',
  'flipOrder',
  'crop',
  'jitter',
  'cutout',
  'mixup',
  'trainSize',
  'dropout',
] as const satisfies readonly OptionName[];

type StageOption = (typeof STAGE_OPTIONS)[number];
type OptionSchemas = { [Name in StageOption]: z.ZodOptional<(typeof OPTIONS)[Name]['schema']> };

/** One stage of a recipe: which parts it trains, and the options in which it differs from the run. */
export const stageSchema = z.strictObject({
  /** `full`: conv1 and the full network, without branches. `branch`: the branches alone, the rest frozen. `both`: all. */
  trains: z.enum(['both', 'full', 'branch']),
  ...(Object.fromEntries(STAGE_OPTIONS.map((name) => [name, OPTIONS[name].schema.optional()])) as OptionSchemas),
});

export type StageOptions = z.infer<typeof stageSchema>;
