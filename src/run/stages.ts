import type { JointNetwork } from '../network/layers.js';
import type { TrainingProgress } from './checkpoint.js';
import type { Config } from './config.js';

/** A network with the config that it is trained by. */
interface Trained {
  readonly config: Config;
  readonly network: JointNetwork;
}

/** A stage of a run. `config` and `network` are the stage's own: while the full network trains, it has no branches. */
export type TrainingStage<Run extends Trained> = Run & {
  /** From 0; absent in a run that has no stages. */
  readonly stage?: number;
  /** Epochs of all earlier stages; none in a run without stages. */
  readonly epochsBefore?: number;
};

/** The stages of a run in their order: one if its config names none. */
export function trainingStages<Run extends Trained>(run: Run): TrainingStage<Run>[] {
  const { stages } = run.config;
  if (!stages) return [run];
  let epochs = 0;
  return stages.map((options, stage) => {
    const { trains, ...own } = options;
    const branchLr = own.lr === undefined ? {} : { branchLr: own.lr };
    const config: Config = { ...run.config, ...branchLr, ...defined(own), freezeFull: trains === 'branch' };
    const network = trains === 'full' ? withoutBranches(run.network) : run.network;
    const epochsBefore = epochs;
    epochs += config.epochs;
    return { ...run, config, network, stage, epochsBefore };
  });
}

/** The stage that a run is in. @param progress of its checkpoint, if there is one */
export function currentStage<Run extends Trained>(
  run: Run,
  progress: Pick<TrainingProgress, 'stage'> | undefined,
): TrainingStage<Run> {
  return trainingStages(run)[progress?.stage ?? 0];
}

/** The stage that an epoch of a run belongs to. @param epoch from 1 */
export function stageOfEpoch<Run extends Trained>(run: Run, epoch: number): TrainingStage<Run> {
  const stages = trainingStages(run);
  return stages.findLast(({ epochsBefore = 0 }) => epochsBefore < epoch) ?? stages[0];
}

/** The full network of a joint one, its parameters under the same names. */
export function withoutBranches(network: JointNetwork): JointNetwork {
  const { further } = network;
  return { ...network, branch: [], ...(further ? { further: further.map((exit) => ({ ...exit, branch: [] })) } : {}) };
}

const defined = <Values extends object>(values: Values): { [Name in keyof Values]: NonNullable<Values[Name]> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
