import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { exitsOf } from '../../base/exits.js';
import { sum } from '../../base/statistics.js';
import type { NamedArrays } from '../../base/tensors.js';
import type { Dataset } from '../../datasets/dataset.js';
import type { BatchRequest } from '../../datasets/loading/fill-batch.js';
import { type Loader, loadHere } from '../../datasets/loading/loader.js';
import { cacheFolder } from '../../datasets/locations.js';
import { fullHead, headInputs, isOfHead, type OpenFrozenLayers } from '../../network/head.js';
import type { JointNetwork } from '../../network/layers.js';
import { networkParameters } from '../../network/parameters.js';
import { featuresOf } from '../../network/shapes.js';
import type { Config } from '../../run/config.js';
import type { Engine } from '../engines/engine.js';
import { augmentationOf } from '../reports.js';
import { type FeatureFile, openFeatures, writeFeatures } from './feature-file.js';

/** Part of the cache's key: files of another layout are not read. */
const FORMAT = 1;
/** Images that the frozen layers compute at a time. */
const BATCH = 16;

export interface FeatureOptions {
  readonly engine: Engine;
  readonly network: JointNetwork;
  readonly config: Config;
  /** The parameters, which are in the engine as well. */
  readonly state: NamedArrays;
  readonly openFrozenLayers: OpenFrozenLayers;
  readonly dataset: Dataset;
  readonly loader?: Loader;
  readonly signal?: AbortSignal;
  /** Called when computing begins, with the number of views, and after each batch. */
  readonly onViews?: (done: number, total: number) => void;
}

/**
 * What the frozen layers compute, from the cache or computed now: view 0 of all images of the training split, then view
 * 1, and so on. View 0 is the image as it is evaluated; the others are augmented, drawn from the seed. A record holds the
 * head's inputs one after another. Validation images are included, so that the split may change (cross-fitting).
 *
 * @returns nothing if the signal interrupted it; what was computed is kept for the next time
 * @throws UserError if the features are too many for the cache
 */
export async function computeFeatures(options: FeatureOptions): Promise<FeatureFile | undefined> {
  const { network, config, dataset, loader = loadHere, signal, onViews } = options;
  const shapes = Object.entries(headInputs(network, config.fineTune));
  const lengths = shapes.map(([, shape]) => featuresOf(shape));
  const length = sum(lengths);
  const path = join(cacheFolder(), 'features', `${keyOf(options)}.f32`);
  const known = openFeatures(path, length);
  if (known) return known;

  const requests = requestsOf(options);
  const total = sum(requests.map(({ indices }) => indices.length));
  const writer = writeFeatures(path, length, total);
  let next = 0;
  let done = 0;
  while (next < requests.length && done + requests[next].indices.length <= writer.records) {
    done += requests[next++].indices.length;
  }
  writer.truncate(done);
  onViews?.(done, total);

  const records = new Float32Array(BATCH * length);
  const frozen = await options.openFrozenLayers(network, options.state, config.fineTune);
  const { shape, stored, mean, std } = dataset;
  const preparation = { shape, stored, mean, std, augmentation: augmentationOf(config) };
  const remaining = requests.slice(next);
  let at = 0;
  try {
    for await (const batch of loader.load(dataset.train.pixels, preparation, remaining)) {
      const { indices } = remaining[at++];
      const found = await frozen.compute(batch, indices.length);
      for (let i = 0; i < indices.length; i++) {
        let offset = i * length;
        for (const [part, [name]] of shapes.entries()) {
          records.set(found[name].subarray(i * lengths[part], (i + 1) * lengths[part]), offset);
          offset += lengths[part];
        }
      }
      writer.append(records.subarray(0, indices.length * length));
      done += indices.length;
      onViews?.(done, total);
      if (signal?.aborted) break;
    }
  } finally {
    await frozen.close();
    if (done < total) writer.close();
  }
  return done === total ? writer.finish() : undefined;
}

function requestsOf({ config: { views, seed }, dataset }: FeatureOptions): BatchRequest[] {
  const { count } = dataset.train;
  const batches = Array.from({ length: Math.ceil(count / BATCH) }, (_, index) => {
    const first = index * BATCH;
    return { index, indices: Int32Array.from({ length: Math.min(BATCH, count - first) }, (_, i) => first + i) };
  });
  return Array.from({ length: views }, (_, view) =>
    batches.map(({ index, indices }): BatchRequest => {
      return view === 0 ? { indices } : { indices, draw: { seed, epoch: view, index } };
    }),
  ).flat();
}

/** A hash of everything that decides the features. */
function keyOf({ network, config, state, dataset }: FeatureOptions): string {
  const { shape, stored, mean, std, resize, train } = dataset;
  const { seed, views, fineTune } = config;
  const hash = createHash('sha256');
  const frozen = network.full.slice(0, -fullHead(network, fineTune).length);
  const layers = [...exitsOf(network).map(({ shared }) => shared), frozen];
  const isTrained = isOfHead(network, fineTune);
  const described = { FORMAT, layers, shape, stored, mean, std, resize, seed, views, ...augmentationOf(config) };
  hash.update(JSON.stringify(described));
  for (const { name } of networkParameters(network)) {
    if (!isTrained(name)) hash.update(bytesOf(state[name].values));
  }
  if (train.hashes) hash.update(JSON.stringify(train.hashes));
  else if (train.pixels.in === 'memory') hash.update(train.pixels.bytes);
  return hash.digest('hex').slice(0, 32);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
