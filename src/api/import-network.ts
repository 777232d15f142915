import { basename } from 'node:path';
import { UserError } from '../base/errors.js';
import type { Dataset } from '../datasets/dataset.js';
import { imagesToMeasureOn, splitTrainValidation } from '../datasets/split.js';
import { otherClassOrder } from '../evaluation/class-order.js';
import { predictionsOf } from '../evaluation/predictions.js';
import { attachmentNames, deviceAttachments } from '../network/branch.js';
import type { JointNetwork, Layer } from '../network/layers.js';
import { isSmall } from '../network/zoo/family.js';
import { networkNames } from '../network/zoo/index.js';
import { readModel } from '../onnx/read-model.js';
import { inputDims } from '../onnx/run-model.js';
import { writeCheckpoint } from '../run/checkpoint.js';
import type { Config } from '../run/config.js';
import { readRecipe } from '../run/recipes.js';
import { networkOf, runFile } from '../run/run-directory.js';
import { countHits, type Logits } from '../train/evaluate.js';
import { importGraph } from '../train/onnx-graph/import-graph.js';
import { epochStart } from '../train/reports.js';
import type { WarmStart } from '../train/warm-start/warm-start.js';
import { withEvaluator } from '../train/with-evaluator.js';
import type { ImportCheck } from './check-import.js';
import { type NewRunOptions, newRunConfig, newRunPath } from './new-run.js';
import { createRecordedRun, type DataOptions, loadNewData } from './run-data.js';
import { checkedStart } from './start-state.js';
import { requireImages } from './train-run.js';

/** Validation images that the imported network is checked on. */
const CHECKED_IMAGES = 1000;

/** Classes that a note lists. */
const SHOWN_CLASSES = 10;

/** How a network was read. */
export type ReadAs =
  /** As a network of the zoo. Form of its first layers: `small` for CIFAR, `large` for ImageNet. */
  | { readonly by: 'name'; readonly form: 'small' | 'large' }
  /** From its graph. `attachments`: the layers that a branch can be attached behind. */
  | { readonly by: 'graph'; readonly attachments: readonly string[] };

export interface ImportResult {
  /** Path of the run directory. */
  readonly run: string;
  readonly config: Config;
  /** Which layers were taken, which are missing, and which are left over. */
  readonly warmStart: WarmStart;
  /** Set for an ONNX file: how closely the imported network and the file's graph agree. */
  readonly check?: ImportCheck;
  readonly readAs: ReadAs;
  readonly validation: { readonly images: number; readonly fullAccuracy: number };
}

/**
 * Makes a run from a trained full-precision network, so that a binary branch can be trained on it with `resumeTraining`.
 * An ONNX file's graph is the network, unless the options or a recipe name one.
 *
 * @param file `.safetensors` or `.onnx`
 * @throws UserError if the file or an option is wrong, or the data are missing
 */
export async function importNetwork(file: string, options: NewRunOptions & DataOptions): Promise<ImportResult> {
  const given = newRunConfig({ ...options, options: { ...options.options, initFrom: file } });
  const fromGraph = file.endsWith('.onnx') && givenOption(options, 'network') === undefined;
  const sized = fromGraph ? withImageSize(given, options, file) : given;
  const dataset = await loadNewData(sized, options);
  const config = fromGraph ? await withGraph(sized, options, file, dataset) : sized;
  requireImages(config, dataset);
  const network = networkOf(config, dataset.shape, dataset.labels.length);
  const { state, warmStart, check } = await checkedStart(config, network, dataset);
  const run = createRecordedRun(newRunPath(options, config), config, network, dataset);
  writeCheckpoint(runFile(run, 'checkpoint'), { progress: epochStart(0, 0), state });

  const split = splitTrainValidation(dataset.train, config.validation, config.seed);
  const checked = imagesToMeasureOn(split).subarray(0, CHECKED_IMAGES);
  const logits = await withEvaluator({ ...config, device: 'cpu' }, network, state, dataset, (evaluate) =>
    evaluate(dataset.train, checked),
  );
  const fullAccuracy = countHits(logits.full, logits.labels, logits.classes) / checked.length;
  noteClassOrder(logits, dataset.labels, options);
  return {
    run: run.path,
    config,
    warmStart: warmStart!,
    check,
    readAs: readAs(config, network.input),
    validation: { images: checked.length, fullAccuracy },
  };
}

/** Reports a network whose classes are in another order than the data set's. */
function noteClassOrder({ full, labels, classes }: Logits, names: Dataset['labels'], { onNote }: DataOptions): void {
  const order = otherClassOrder(predictionsOf(full, classes).classes, labels, classes);
  if (!order) return;
  const inFile = names.map((_, number) => names[order.indexOf(number)]);
  const shown = `${inFile.slice(0, SHOWN_CLASSES).join(',')}${inFile.length > SHOWN_CLASSES ? ',...' : ''}`;
  onNote?.(
    `expected classes in the order of the file, found that it answers most images of ${names[0]} as class ${order[0]}: ` +
      `its order seems to be ${shown}; give the classes in that order (--classes)`,
  );
}

function readAs({ layers, form }: Config, input: JointNetwork['input']): ReadAs {
  if (layers) return { by: 'graph', attachments: deviceAttachments(layers) };
  return { by: 'name', form: isSmall({ form: form === 'auto' ? undefined : form, input }) ? 'small' : 'large' };
}

/** An option as the caller or the recipe gives it; undefined if it has its default. */
function givenOption<Name extends keyof Config>({ options = {}, recipe }: NewRunOptions, name: Name) {
  return options[name] ?? (recipe === undefined ? undefined : readRecipe(recipe).options[name]);
}

/** For image folders, the size of images that the file was exported for, unless another one is given. */
function withImageSize(config: Config, options: NewRunOptions, file: string): Config {
  const given = givenOption(options, 'imageSize');
  const { dims } = inputDims(readModel(file));
  const [height, width] = dims[1] > 4 ? dims.slice(1) : dims.slice(2);
  return given === undefined && height > 0 && height === width ? { ...config, imageSize: height } : config;
}

/** The config with the layers of the file's graph, and a layer to attach the branch to. */
async function withGraph(config: Config, options: NewRunOptions, file: string, dataset: Dataset): Promise<Config> {
  const { layers } = await importGraph(file, dataset.shape);
  const possible = deviceAttachments(layers);
  const [first] = possible;
  if (first === undefined) {
    throw new UserError(
      `${file}: expected a convolution or dense layer that devices compute before the last layer, found ` +
        `${layers[0].type} at the start`,
    );
  }
  requireOnDevice(config, givenOption(options, 'attach') ?? first, possible, layers);
  return { ...config, network: graphName(file), attach: givenOption(options, 'attach') ?? first, layers: [...layers] };
}

/** @throws UserError if a binary branch is attached behind a layer that only the edge computes */
function requireOnDevice(
  { branch }: Config,
  attach: string,
  possible: readonly string[],
  layers: readonly Layer[],
): void {
  if (branch === 'none' || branch === 'float') return;
  const names = attach.split(',').map((name) => name.trim());
  const late = names.find((name) => !possible.includes(name) && attachmentNames(layers).includes(name));
  if (late === undefined) return;
  throw new UserError(
    `attach: expected ${possible.join(' or ')}, because devices don't compute all layers up to ${late}, found ${late}`,
  );
}

/** The network's name: that of the file, unless the zoo has a network with this name. */
function graphName(file: string): string {
  const name = basename(file, '.onnx').replaceAll(/[^\w-]+/g, '-');
  return networkNames.includes(name) ? `${name}-graph` : name;
}
