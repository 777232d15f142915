import { UserError } from '../base/errors.js';
import { exitsOf } from '../base/exits.js';
import { permutation, random } from '../base/random.js';
import type { TrainedNetwork } from '../baselines/approaches/partition.js';
import type { Accuracy, ComparedSystem, CompressedNetwork } from '../baselines/measure/system.js';
import type { NetworkResults } from '../baselines/results/results.js';
import { evaluationBatches } from '../datasets/batches.js';
import type { Dataset } from '../datasets/dataset.js';
import { evenSample } from '../datasets/even-sample.js';
import { floatModel } from '../export/float-model.js';
import { int8Model } from '../onnx/int8-model.js';
import { dataTitle } from '../run/config.js';
import { readResult, type Tested, type Tuned } from '../run/results.js';
import { readMetrics } from '../run/run-directory.js';
import { calibratingImages } from '../train/calibration-images.js';
import { modelAccuracy } from '../train/model-accuracy.js';
import { openTrained, type Trained } from './open-trained.js';
import type { DataOptions } from './run-data.js';

/** Runs of baselines that a run is compared with. */
export interface BaselineRuns {
  readonly edgent?: string;
  readonly 'mobilenet-v2'?: string;
  readonly student?: string;
}

/** A run with its threshold and its test results. */
export interface EvaluatedRun extends Trained {
  readonly tuned: Tuned;
  readonly tested: Tested & { readonly collaborative: NonNullable<Tested['collaborative']> };
}

/** Points of a threshold curve that results keep, at most. */
const CURVE_POINTS = 200;

/** Opens a run that is tuned and evaluated. @throws UserError if it isn't, or has several exits */
export async function openMeasured(path: string, data: DataOptions): Promise<EvaluatedRun> {
  const trained = await openTrained(path, data);
  const { run } = trained;
  const [tuned, tested] = [readResult(run, 'tau'), readResult(run, 'test')];
  if (!tuned)
    throw new UserError(`${path}: expected a tuned threshold, found none; run "lcdnn tune-tau ${path}" first`);
  const collaborative = tested?.collaborative;
  if (!tested || !collaborative) {
    throw new UserError(
      `${path}: expected its accuracy on the test split, found none; run "lcdnn evaluate ${path}" first`,
    );
  }
  if (tuned.further) throw new UserError(`${path}: expected a run with one exit, found ${exitsOf(tuned).length}`);
  return { ...trained, tuned, tested: { ...tested, collaborative } };
}

/** The networks that the system benchmark compares, without the bundle. @throws UserError if a run has other data or isn't evaluated */
export async function comparedRuns(
  measured: EvaluatedRun,
  baselines: BaselineRuns,
  data: DataOptions,
): Promise<Omit<ComparedSystem, 'bundle'>> {
  const { tested } = measured;
  const accuracy = accuraciesOf(tested);
  const compressed: CompressedNetwork[] = [await inInt8(measured)];
  for (const approach of ['mobilenet-v2', 'student'] as const) {
    const path = baselines[approach];
    if (path !== undefined) compressed.push(await compressedRun(approach, path, measured.dataset, data));
  }
  return {
    trained: trainedNetwork(measured),
    accuracy: {
      full: accuracy(tested.full),
      branch: accuracy(tested.branch),
      both: accuracy(tested.collaborative),
      exitRatio: tested.collaborative.exitRatio,
    },
    compressed,
    exits: baselines.edgent === undefined ? undefined : await exitRun(baselines.edgent, measured.dataset, data),
  };
}

/** The parts of a run that approaches are built from. */
export const trainedNetwork = ({ run, state, dataset }: Trained): TrainedNetwork => ({
  network: run.network,
  state,
  normalisation: { mean: dataset.mean, std: dataset.std },
});

const accuraciesOf =
  ({ samples }: Tested) =>
  ({ accuracy }: { readonly accuracy: number }): Accuracy => ({ share: accuracy, images: samples });

/** The full network in 8 bits, with its accuracy on the test split. */
export async function inInt8({ run, state, dataset }: Trained): Promise<CompressedNetwork> {
  const { network, config } = run;
  const images = await calibratingImages(config, dataset);
  const model = await int8Model(floatModel(network, state, ['shared', 'full']), images, dataset.shape);
  const accuracy = await modelAccuracy(model, dataset, dataset.test);
  return { approach: 'mobile-only-int8', network, model, plan: 'all on the device, in 8 bits', accuracy };
}

async function openBaseline(path: string, compared: Dataset, data: DataOptions) {
  const trained = await openTrained(path, data);
  const { name, shape } = trained.dataset;
  if (name !== compared.name || `${shape}` !== `${compared.shape}`) {
    throw new UserError(
      `${path}: expected a run on ${compared.name} (${compared.shape.join('x')}), found ${name} (${shape.join('x')})`,
    );
  }
  const tested = readResult(trained.run, 'test');
  if (!tested) {
    throw new UserError(
      `${path}: expected its accuracy on the test split, found none; run "lcdnn evaluate ${path}" first`,
    );
  }
  return { trained, tested };
}

async function compressedRun(
  approach: 'mobilenet-v2' | 'student',
  path: string,
  compared: Dataset,
  data: DataOptions,
): Promise<CompressedNetwork> {
  const { trained, tested } = await openBaseline(path, compared, data);
  const { network, config } = trained.run;
  const plan =
    approach === 'student' ? `${network.name} of ${config.width} times the width, distilled` : 'all on the device';
  return {
    approach,
    network,
    model: floatModel(network, trained.state, ['shared', 'full']),
    plan,
    accuracy: accuraciesOf(tested)(tested.full),
  };
}

/** Opens a run with float exits that is tuned and evaluated. @throws UserError if it isn't, or has other data */
export async function exitRun(
  path: string,
  compared: Dataset,
  data: DataOptions,
): Promise<NonNullable<ComparedSystem['exits']>> {
  const { trained, tested } = await openBaseline(path, compared, data);
  if (!trained.run.network.floatExits) {
    throw new UserError(`${path}: expected a run with exits in float, found binary ones; train it with --branch float`);
  }
  const tuned = readResult(trained.run, 'tau');
  if (!tuned) {
    throw new UserError(
      `${path}: expected accuracies on validation images, found none; run "lcdnn tune-tau ${path}" first`,
    );
  }
  const allExits = (result: Tuned | Tested) => [
    ...exitsOf<{ readonly branch: { readonly accuracy: number } }>(result).map(({ branch }) => branch),
    result.full,
  ];
  return {
    ...trainedNetwork(trained),
    accuracies: allExits(tuned).map(({ accuracy }) => accuracy),
    tested: allExits(tested).map(accuraciesOf(tested)),
  };
}

/** A normalised image, NHWC, with its class. */
export interface TestImage {
  readonly image: Float32Array;
  readonly label: number;
}

/** Random test images, the same for the same seed. */
export async function drawTestImages(dataset: Dataset, count: number, seed: number): Promise<TestImage[]> {
  const { test } = dataset;
  const drawn = permutation(random(seed), test.count).slice(0, count);
  const found: TestImage[] = [];
  for await (const { images, labels } of evaluationBatches(dataset, test, 1, drawn)) {
    found.push({ image: images.slice(), label: labels[0] });
  }
  return found;
}

/** What the results record about the run itself. */
export function networkFacts({ run, tuned, tested }: EvaluatedRun): Omit<NetworkResults, 'approaches'> {
  const { config, network } = run;
  const { accuracy: both, exitRatio } = tested.collaborative;
  const trained = readMetrics(run).length;
  return {
    network: config.width === 1 ? network.name : `${network.name} x ${config.width}`,
    dataset: dataTitle(config),
    training: `${trained} of ${config.epochs} epochs, seed ${config.seed}`,
    tau: tuned.tau,
    accuracy: {
      full: tested.full.accuracy,
      branch: tested.branch.accuracy,
      both,
      exitRatio,
      images: tested.samples,
    },
    curve: evenSample(tuned.curve, CURVE_POINTS).map(({ tau, accuracy, exitRatio }) => ({ tau, accuracy, exitRatio })),
  };
}
