import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { exitsOf } from '../../base/exits.js';
import type { NamedArrays } from '../../base/tensors.js';
import type { Dataset } from '../../datasets/dataset.js';
import type { BatchRequest } from '../../datasets/loading/fill-batch.js';
import { type Loader, loadHere } from '../../datasets/loading/loader.js';
import { cacheFolder } from '../../datasets/locations.js';
import type { TrainValidation } from '../../datasets/split.js';
import type { JointNetwork } from '../../network/layers.js';
import { networkParameters } from '../../network/parameters.js';
import { featuresOf } from '../../network/shapes.js';
import type { Config } from '../../run/config.js';
import type { Engine } from '../engines/engine.js';
import { augmentationOf } from '../reports.js';
import { type FeatureFile, openFeatures, writeFeatures } from './feature-file.js';
import { frozenFunction, headInputs, isOfHead } from './head.js';

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
  readonly dataset: Dataset;
  readonly indices: TrainValidation;
  readonly loader?: Loader;
  readonly signal?: AbortSignal;
  /** Called when computing begins, with the number of views, and after each batch. */
  readonly onViews?: (done: number, total: number) => void;
}

/**
 * What the frozen layers compute, from the cache or computed now: the views of all training images, view by view, then
 * the validation images. View 0 is the image as it is evaluated; the others are augmented, drawn from the seed. A record
 * holds the head's inputs one after another.
 *
 * @returns nothing if the signal interrupted it; what was computed is kept for the next time
 * @throws UserError if the features are too many for the cache
 */
export async function computeFeatures(options: FeatureOptions): Promise<FeatureFile | undefined> {
  const { engine, network, config, dataset, loader = loadHere, signal, onViews } = options;
  const shapes = Object.entries(headInputs(network));
  const lengths = shapes.map(([, shape]) => featuresOf(shape));
  const length = lengths.reduce((sum, count) => sum + count, 0);
  const path = join(cacheFolder(), 'features', `${keyOf(options)}.f32`);
  const known = openFeatures(path, length);
  if (known) return known;

  const requests = requestsOf(options);
  const total = requests.reduce((sum, { indices }) => sum + indices.length, 0);
  const writer = writeFeatures(path, length, total);
  let next = 0;
  let done = 0;
  while (next < requests.length && done + requests[next].indices.length <= writer.records) {
    done += requests[next++].indices.length;
  }
  writer.truncate(done);
  onViews?.(done, total);

  const images = new Float32Array(BATCH * featuresOf(network.input));
  const records = new Float32Array(BATCH * length);
  const frozen = networkParameters(network).flatMap(({ name }) => (isOfHead(network, name) ? [] : [name]));
  const compute = await engine.compile(frozenFunction(network), frozen, { images: [BATCH, ...network.input] });
  const { shape, stored, mean, std } = dataset;
  const preparation = { shape, stored, mean, std, augmentation: augmentationOf(config) };
  const remaining = requests.slice(next);
  let at = 0;
  for await (const batch of loader.load(dataset.train.pixels, preparation, remaining)) {
    const { indices } = remaining[at++];
    images.set(batch);
    const found = await compute({ images });
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
    if (signal?.aborted) {
      writer.close();
      return undefined;
    }
  }
  await engine.release(compute);
  return writer.finish();
}

function requestsOf({ config: { views, seed }, indices }: FeatureOptions): BatchRequest[] {
  const batches = (of: Int32Array): Int32Array[] =>
    Array.from({ length: Math.ceil(of.length / BATCH) }, (_, b) => of.slice(b * BATCH, (b + 1) * BATCH));
  const ofView = (view: number): BatchRequest[] =>
    batches(indices.train).map((part, index) => ({
      indices: part,
      ...(view === 0 ? {} : { draw: { seed, epoch: view, index } }),
    }));
  return [
    ...Array.from({ length: views }, (_, view) => ofView(view)).flat(),
    ...batches(indices.validation).map((part) => ({ indices: part })),
  ];
}

/** A hash of everything that decides the features. */
function keyOf({ network, config, state, dataset, indices }: FeatureOptions): string {
  const { shape, stored, mean, std, resize, train } = dataset;
  const { seed, views } = config;
  const hash = createHash('sha256');
  const layers = [...exitsOf(network).map(({ shared }) => shared), network.full.slice(0, -1)];
  const described = { FORMAT, layers, shape, stored, mean, std, resize, seed, views, ...augmentationOf(config) };
  hash.update(JSON.stringify(described));
  for (const { name } of networkParameters(network)) {
    if (!isOfHead(network, name)) hash.update(bytesOf(state[name].values));
  }
  for (const side of [indices.train, indices.validation]) {
    hash.update(JSON.stringify(Array.from(side, (i) => train.hashes?.[i] ?? i)));
  }
  if (!train.hashes && train.pixels.in === 'memory') hash.update(train.pixels.bytes);
  return hash.digest('hex').slice(0, 32);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
