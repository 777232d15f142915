import { networkParameters } from '../network/parameters.js';
import { type Checkpoint, writeCheckpoint } from '../run/checkpoint.js';
import { type Run, readRunCheckpoint, runFile } from '../run/run-directory.js';
import { type TrainingStage, trainingStages } from '../run/stages.js';
import { startBranchFromFull } from './branch-start.js';
import { initialSlots } from './initial-state.js';
import { epochStart } from './reports.js';
import type { TrainingOptions } from './train.js';

type StageOptions = Omit<TrainingOptions, 'engine' | 'loader' | 'run'>;
type Outcome = 'done' | 'interrupted';

/**
 * Trains the stages of a run one after another, beginning with the stage of its checkpoint. A run without stages counts
 * as one stage. Each stage starts from the weights of the stage before, with a new optimiser and schedule.
 *
 * @param trainOne trains one stage to its end, as `train` and `trainInPython` do
 */
export async function trainStages(
  run: Run,
  options: StageOptions,
  trainOne: (options: StageOptions & { readonly run: TrainingStage<Run> }) => Promise<Outcome>,
): Promise<Outcome> {
  let { checkpoint, start } = options;
  for (const stage of trainingStages(run).slice(checkpoint?.progress.stage ?? 0)) {
    if (checkpoint && (checkpoint.progress.stage ?? 0) < (stage.stage ?? 0)) {
      checkpoint = nextStage(run, stage, checkpoint);
      writeCheckpoint(runFile(run, 'checkpoint'), checkpoint);
    }
    const total = run.config.stages?.length ?? 1;
    if (total > 1) options.onNote?.(`stage ${(stage.stage ?? 0) + 1} of ${total}: ${titleOf(stage)}`);
    const outcome = await trainOne({ ...options, run: stage, checkpoint, start });
    if (outcome === 'interrupted') return outcome;
    checkpoint = readRunCheckpoint(run);
    start = undefined;
  }
  return 'done';
}

function titleOf({ network, config }: TrainingStage<Run>): string {
  if (config.freezeFull) return 'the branch, on the frozen full network';
  const isAlone = network.branch.length === 0;
  if (config.views === 0) return isAlone ? 'the full network alone' : 'the full network and the branch';
  const blocks = config.fineTune > 0 ? `up to ${config.fineTune} blocks and ` : '';
  return `${blocks}the last layer of the full network${isAlone ? '' : ', and the branch'}`;
}

/** The initial state of a stage. @param ended checkpoint at the end of the stage before */
function nextStage(run: Run, stage: TrainingStage<Run>, ended: Checkpoint): Checkpoint {
  const parameters = Object.fromEntries(networkParameters(run.network).map(({ name }) => [name, ended.state[name]]));
  if (stage.config.branchStart === 'full' && stage.network === run.network) {
    startBranchFromFull(parameters, run.network);
  }
  return {
    progress: epochStart(0, 0, stage.stage),
    state: { ...parameters, ...initialSlots(parameters, stage.network, stage.config) },
  };
}
