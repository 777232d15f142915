import { sha256 } from '../base/hash.js';
import type { NamedArrays } from '../base/tensors.js';
import type { Dataset } from '../datasets/dataset.js';
import { deployedState, sharedKernels } from '../network/deployed.js';
import type { JointNetwork } from '../network/layers.js';
import { inLevels } from '../network/levels.js';
import { readActivationRanges, writeActivationRanges } from '../run/activation-ranges.js';
import { openRun, type Run, readKeptCheckpoint, requireFitting } from '../run/run-directory.js';
import { type Answer, createAnswers } from '../train/answers.js';
import type { EvaluationEvents, Evaluator } from '../train/evaluate.js';
import { measureRanges } from '../train/measure-ranges.js';
import { withEngine } from '../train/with-engine.js';
import { withEvaluator } from '../train/with-evaluator.js';
import { type DataOptions, loadRunData } from './run-data.js';

/** Options of functions that run a trained network: its data, what a caller can follow, and the signal that ends it. */
export interface MeasureOptions extends DataOptions, EvaluationEvents {}

/** A trained run, opened with its data. */
export interface Trained {
  /** With the network as it is deployed. */
  readonly run: Run;
  readonly dataset: Dataset;
  /** Runs `use` with the trained network's evaluator. */
  evaluate<Result>(use: (evaluate: Evaluator) => Promise<Result>): Promise<Result>;
  /** Runs `use` with a function that computes the trained network's answer to one image. */
  answers<Result>(use: (answer: (image: Float32Array) => Promise<Answer>) => Promise<Result>): Promise<Result>;
  /** Parameters as they are deployed. */
  readonly state: NamedArrays;
}

/**
 * Opens a run with its checkpoint, as it is deployed, and its data.
 *
 * @throws UserError if the run has no checkpoint, or its data are missing or don't fit
 */
export async function openTrained(path: string, options: MeasureOptions = {}): Promise<Trained> {
  const { signal, onImages } = options;
  const stored = openRun(path);
  const floats = deployedState(stored.network, readKeptCheckpoint(stored).state);
  const { dataset } = await loadRunData(stored, options);
  requireFitting(stored, dataset);
  // On the CPU: a network trained on a GPU must also be tuned and exported on machines without one.
  const config = { ...stored.config, device: 'cpu' as const };
  const { network, state } = await withLevels({ ...stored, config }, floats, dataset);
  const run = { ...stored, network };
  return {
    run,
    dataset,
    state,
    evaluate: (use) => withEvaluator(config, run.network, state, dataset, use, { signal, onImages }),
    answers: (use) =>
      withEngine(config, state, async (engine) => {
        const answer = await createAnswers(engine, run.network);
        return use(async (image) => {
          signal?.throwIfAborted();
          return answer(image);
        });
      }),
  };
}

/**
 * The network as it is deployed, with shared layers in levels if they are in 8 bits. The ranges of activations are measured
 * once and kept in the run, so that every machine deploys the same network.
 */
async function withLevels(
  run: Run,
  state: NamedArrays,
  dataset: Dataset,
): Promise<{ network: JointNetwork; state: NamedArrays }> {
  const { network, config } = run;
  const kernels = sharedKernels(network);
  if (kernels.length === 0) return { network, state };
  const weights = sha256(Buffer.concat(kernels.map(({ name }) => bytesOfFloats(state[name].values))));
  let ranges = readActivationRanges(run, weights);
  if (!ranges) {
    ranges = await withEngine(config, state, (engine) => measureRanges(engine, network, dataset, config));
    writeActivationRanges(run, weights, ranges);
  }
  return inLevels(network, state, ranges);
}

const bytesOfFloats = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
