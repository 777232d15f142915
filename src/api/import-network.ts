import { basename } from 'node:path';
import { UserError } from '../base/errors.js';
import type { Dataset } from '../datasets/dataset.js';
import { splitTrainValidation } from '../datasets/split.js';
import { attachmentNames } from '../network/branch.js';
import type { JointNetwork } from '../network/layers.js';
import { isSmall } from '../network/zoo/family.js';
import { networkNames } from '../network/zoo/index.js';
import { readModel } from '../onnx/read-model.js';
import { inputDims } from '../onnx/run-model.js';
import { writeCheckpoint } from '../run/checkpoint.js';
import type { Config } from '../run/config.js';
import { readRecipe } from '../run/recipes.js';
import { networkOf, runFile } from '../run/run-directory.js';
import { countHits } from '../train/evaluate.js';
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

  const { validation } = splitTrainValidation(dataset.train, config.validation, config.seed);
  const checked = validation.subarray(0, CHECKED_IMAGES);
  const logits = await withEvaluator({ ...config, device: 'cpu' }, network, state, dataset, (evaluate) =>
    evaluate(dataset.train, checked),
  );
  const fullAccuracy = countHits(logits.full, logits.labels, logits.classes) / checked.length;
  return {
    run: run.path,
    config,
    warmStart: warmStart!,
    check,
    readAs: readAs(config, network.input),
    validation: { images: checked.length, fullAccuracy },
  };
}

function readAs({ layers, form }: Config, input: JointNetwork['input']): ReadAs {
  if (layers) return { by: 'graph', attachments: attachmentNames(layers) };
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
  const [first] = attachmentNames(layers);
  if (first === undefined) {
    throw new UserError(`${file}: expected a convolution or dense layer before the last one, found none`);
  }
  return { ...config, network: graphName(file), attach: givenOption(options, 'attach') ?? first, layers: [...layers] };
}

/** The network's name: that of the file, unless the zoo has a network with this name. */
function graphName(file: string): string {
  const name = basename(file, '.onnx').replaceAll(/[^\w-]+/g, '-');
  return networkNames.includes(name) ? `${name}-graph` : name;
}
