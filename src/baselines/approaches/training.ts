import { UserError } from '../../base/errors.js';
import { attachmentNames, jointNetwork, trunkOf } from '../../network/branch.js';
import { networkCost } from '../../network/cost.js';
import type { JointNetwork } from '../../network/layers.js';
import { buildDesign } from '../../plan/designs.js';
import { exitDepths } from '../../plan/exit-ratios.js';
import { type Config, DEFAULT_CONFIG } from '../../run/config.js';
import { networkOf, type Run } from '../../run/run-directory.js';
import type { StageOptions } from '../../run/stage-options.js';

/** Baselines that have to be trained for the comparison. */
export const TRAINED_BASELINES = ['edgent', 'mobilenet-v2', 'student'] as const;
export type TrainedBaseline = (typeof TRAINED_BASELINES)[number];

const MOST_EXITS = 3;
/** Download limit of a student network, relative to the download of the run. */
const STUDENT_DOWNLOAD = 2;

/** Not a trunk that is kept as it is, as for photographs. */
const FROM_NOTHING = { freezeFull: false, views: 0, distillationFolds: 0 } as const;
/** Not what is for binary branches, or for a trunk. */
const FLOAT = { floatWeights: 0, distillation: 0, branchStart: 'random', fineTune: 0 } as const;

/**
 * The training options of a baseline: those of the run that it is compared with, except for what defines the baseline.
 * Float exits use the learning rate of the full network, and nothing is warm-started. A network alone takes the stages
 * that train the full network; if there are none, it trains at once.
 *
 * @throws UserError as `studentWidth` does
 */
export function baselineConfig(name: TrainedBaseline, run: Run): Partial<Config> {
  const { initFrom: _initFrom, teacher: _teacher, branchLr: _branchLr, stages = [], ...options } = run.config;
  const validation = options.validation || DEFAULT_CONFIG.validation;
  const config = { ...options, ...FROM_NOTHING, ...FLOAT, validation };
  const ofFull = stages.filter(({ trains }) => trains !== 'branch');
  switch (name) {
    case 'edgent':
      return { ...config, branch: 'float', attach: spreadExits(run.network), ...withOptions(stages, FLOAT) };
    case 'mobilenet-v2':
      return {
        ...{ ...config, layers: undefined, network: 'mobilenet-v2', width: 1, form: 'auto', branch: 'none' },
        ...withOptions(ofFull, FLOAT),
      };
    case 'student': {
      const distilled = { ...FLOAT, distillation: 1 };
      const width = studentWidth(run);
      return { ...config, ...distilled, branch: 'none', width, teacher: run.path, ...withOptions(ofFull, distilled) };
    }
  }
}

/** Stages that all set these options; none if there are no stages. */
export const withOptions = (stages: readonly StageOptions[], options: Partial<StageOptions>) =>
  stages.length === 0 ? {} : { stages: stages.map((stage) => ({ ...stage, ...options })) };

/**
 * Default positions of float exits: up to three layers, those nearest to 25 %, 50 % and 75 % of the full network's
 * multiplications.
 */
export function spreadExits(network: JointNetwork): string {
  const { name, input, classes } = network;
  const attachments = attachmentNames(trunkOf(network));
  const everywhere = buildDesign(
    ({ attach }) => jointNetwork(name, input, classes, trunkOf(network), { attach, branch: 'float' }),
    { attach: attachments.join(','), branch: 'float' },
  );
  const depths = exitDepths(everywhere);
  const nearest = Array.from({ length: MOST_EXITS }, (_, i) => {
    const distances = depths.map((depth) => Math.abs(depth - (i + 1) / (MOST_EXITS + 1)));
    return distances.indexOf(Math.min(...distances));
  });
  return [...new Set(nearest)].map((place) => attachments[place]).join(',');
}

/**
 * The largest width, in steps of 1/64 of the run's width, at which the network alone is at most twice as large as what
 * the run's device downloads, before compression.
 *
 * @throws UserError if no width is small enough
 */
export function studentWidth({ path, config, network }: Run): number {
  const limit = STUDENT_DOWNLOAD * networkCost(network).device.bytes;
  for (let step = 63; step > 0; step--) {
    const width = (config.width * step) / 64;
    const student = networkOf({ ...config, width, branch: 'none' }, network.input, network.classes);
    if (networkCost(student).full.bytes <= limit) return width;
  }
  throw new UserError(`${path}: expected a network that has a student within ${limit} bytes, found none; give --width`);
}
