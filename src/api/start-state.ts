import type { NamedArrays } from '../base/tensors.js';
import type { Dataset } from '../datasets/dataset.js';
import { startFile } from '../models/model-file.js';
import type { JointNetwork } from '../network/layers.js';
import { featuresOf } from '../network/shapes.js';
import type { Config } from '../run/config.js';
import { calibratingImages } from '../train/calibration-images.js';
import { importGraph } from '../train/onnx-graph/import-graph.js';
import { startState, type WarmStart } from '../train/warm-start/warm-start.js';
import { checkImport, type ImportCheck } from './check-import.js';

/** Images of the user's data that an imported network is compared on. */
const COMPARED_IMAGES = 8;

export interface Start {
  readonly state: NamedArrays;
  readonly warmStart?: WarmStart;
  /** Set if the network starts from an ONNX file: its graph computes what the network computes. */
  readonly check?: ImportCheck;
}

/**
 * The state that a run starts from. A network from an ONNX file is compared with the file's graph, unless layers besides the
 * last one are missing in the file.
 *
 * @throws UserError as `startState` and `checkImport` do
 */
export async function checkedStart(config: Config, network: JointNetwork, dataset: Dataset): Promise<Start> {
  const { initFrom, layers } = config;
  const file = initFrom === undefined ? undefined : startFile(initFrom);
  const isGraph = file?.endsWith('.onnx') ?? false;
  const graph = isGraph && layers ? await importGraph(file!, network.input) : undefined;
  const { state, warmStart } = startState(config, network, graph?.source);
  const isWhole = warmStart !== undefined && warmStart.missing.length <= 1;
  if (!isWhole || !isGraph) return { state, warmStart };
  const images = (await calibratingImages(config, dataset)).subarray(0, COMPARED_IMAGES * featuresOf(network.input));
  return { state, warmStart, check: await checkImport(file!, network, state, images, graph) };
}
