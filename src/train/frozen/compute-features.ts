import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { sum } from '../../base/statistics.js';
import type { NamedArrays } from '../../base/tensors.js';
import type { Dataset } from '../../datasets/dataset.js';
import type { BatchRequest } from '../../datasets/loading/fill-batch.js';
import { type Loader, loadHere } from '../../datasets/loading/loader.js';
import { cacheFolder } from '../../datasets/locations.js';
import { type FrozenPart, frozenParts, headInputs, isOfHead, type OpenFrozenLayers } from '../../network/head.js';
import { isBranch, type JointNetwork } from '../../network/layers.js';
import { networkParameters } from '../../network/parameters.js';
import { featuresOf } from '../../network/shapes.js';
import type { Config } from '../../run/config.js';
import type { Engine } from '../engines/engine.js';
import { augmentationOf } from '../reports.js';
import { type FeatureFile, openFeatures, writeFeatures } from './feature-file.js';

/** Part of the cache's key: files of another layout are not read. */
const FORMAT = 2;
/** Images that the frozen layers compute at a time. */
const BATCH = 16;

/** Called when computing begins, with the number of views, and after each batch. */
export type OnViews = (done: number, total: number, layers: 'shared' | 'full') => void;

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
  readonly onViews?: OnViews;
}

/**
 * What the head reads, from the cache or computed now: view 0 of all images of the training split, then view 1, and so
 * on. View 0 is the image as it is evaluated; the others are augmented, drawn from the seed. A record holds the head's
 * inputs one after another. Validation images are included, so that the split may change (cross-fitting).
 *
 * The shared layers' outputs are a file of their own, because they stay when layers behind them were trained.
 *
 * @returns nothing if the signal interrupted it; what was computed is kept for the next time
 * @throws UserError if the features are too many for the cache
 */
export async function computeFeatures(options: FeatureOptions): Promise<FeatureFile | undefined> {
  const { network, config } = options;
  const parts = frozenParts(network, config.fineTune);
  const [shared, full] = [parts.slice(0, -1), parts[parts.length - 1]];
  const key = sharedKey(options, shared);
  const sharedFile = await sharedFeatures(options, key, shared);
  if (!sharedFile) return undefined;
  const places = placesOf(shared);
  const last = places[places.length - 1];
  if (full.layers.length === 0) return joined(network, [sharedFile], [...places, { ...last, name: full.name }]);
  let fullFile: FeatureFile | undefined;
  try {
    fullFile = await fullFeatures(options, key, full, sharedFile, last);
  } finally {
    if (!fullFile) sharedFile.close();
  }
  const [place] = placesOf([full]);
  return fullFile && joined(network, [sharedFile, fullFile], [...places, { ...place, file: 1 }]);
}

/** Outputs of the shared parts, from images. */
async function sharedFeatures(
  options: FeatureOptions,
  key: string,
  parts: readonly FrozenPart[],
): Promise<FeatureFile | undefined> {
  const { dataset, config, loader = loadHere } = options;
  const { shape, stored, mean, std } = dataset;
  const preparation = { shape, stored, mean, std, augmentation: augmentationOf(config) };
  return cachedFeatures(options, key, parts, 'shared', async function* (requests) {
    let at = 0;
    for await (const images of loader.load(dataset.train.pixels, preparation, requests)) {
      yield { input: images, count: requests[at++].indices.length };
    }
  });
}

/** Outputs of the frozen layers behind the shared ones, from what those computed. */
async function fullFeatures(
  options: FeatureOptions,
  ofShared: string,
  part: FrozenPart,
  shared: FeatureFile,
  { record, offset, length }: Place,
): Promise<FeatureFile | undefined> {
  const { network, state } = options;
  const isTrained = isOfHead(network, options.config.fineTune);
  const hash = createHash('sha256').update(ofShared);
  hash.update(JSON.stringify(part.layers));
  for (const { name } of networkParameters(network)) {
    if (isOfFull(name) && !isTrained(name)) hash.update(bytesOf(state[name].values));
  }
  const values = new Float32Array(record);
  return cachedFeatures(options, hash.digest('hex'), [part], 'full', async function* (requests, done) {
    let first = done;
    for (const { indices } of requests) {
      const count = indices.length;
      const input = new Float32Array(count * length);
      for (let i = 0; i < count; i++) {
        shared.read(first + i, values);
        input.set(values.subarray(offset, offset + length), i * length);
      }
      first += count;
      yield { input, count };
    }
  });
}

/** @param inputs the parts' inputs for these batches; `done` records were computed before them */
async function cachedFeatures(
  options: FeatureOptions,
  key: string,
  parts: readonly FrozenPart[],
  layers: 'shared' | 'full',
  inputs: (
    requests: BatchRequest[],
    done: number,
  ) => AsyncIterable<{ readonly input: Float32Array; readonly count: number }>,
): Promise<FeatureFile | undefined> {
  const { signal, onViews } = options;
  const lengths = parts.map(({ output }) => featuresOf(output));
  const length = sum(lengths);
  const path = join(cacheFolder(), 'features', `${key.slice(0, 32)}.f32`);
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
  onViews?.(done, total, layers);

  const records = new Float32Array(BATCH * length);
  const frozen = await options.openFrozenLayers(parts, options.state);
  try {
    for await (const { input, count } of inputs(requests.slice(next), done)) {
      const found = await frozen.compute(input, count);
      for (let i = 0; i < count; i++) {
        let offset = i * length;
        for (const [part, { name }] of parts.entries()) {
          records.set(found[name].subarray(i * lengths[part], (i + 1) * lengths[part]), offset);
          offset += lengths[part];
        }
      }
      writer.append(records.subarray(0, count * length));
      done += count;
      onViews?.(done, total, layers);
      if (signal?.aborted) break;
    }
  } finally {
    await frozen.close();
    if (done < total) writer.close();
  }
  return done === total ? writer.finish() : undefined;
}

/** Where an input of the head lies: in which file, and where in its records. */
interface Place {
  readonly name: string;
  readonly file: number;
  /** Numbers in a record of the file. */
  readonly record: number;
  readonly offset: number;
  readonly length: number;
}

function placesOf(shared: readonly FrozenPart[]): Place[] {
  const record = sum(shared.map(({ output }) => featuresOf(output)));
  let offset = 0;
  return shared.map(({ name, output }) => {
    const length = featuresOf(output);
    const place = { name, file: 0, record, offset, length };
    offset += length;
    return place;
  });
}

/** Reads several files as one. A record holds the head's inputs one after another. */
function joined(network: JointNetwork, files: readonly FeatureFile[], places: readonly Place[]): FeatureFile {
  const read = Object.keys(headInputs(network)).map((input) => places.find(({ name }) => name === input)!);
  const records = files.map((_, i) => new Float32Array(places.find(({ file }) => file === i)!.record));
  return {
    bytes: sum(files.map(({ bytes }) => bytes)),
    read(record, target) {
      for (const [i, file] of files.entries()) {
        if (read.some((place) => place.file === i)) file.read(record, records[i]);
      }
      let at = 0;
      for (const { file, offset, length } of read) {
        target.set(records[file].subarray(offset, offset + length), at);
        at += length;
      }
    },
    close() {
      for (const file of files) file.close();
    },
  };
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

/** A hash of everything that decides the shared layers' outputs. */
function sharedKey({ network, config, state, dataset }: FeatureOptions, parts: readonly FrozenPart[]): string {
  const { shape, stored, mean, std, resize, train } = dataset;
  const { seed, views } = config;
  const hash = createHash('sha256');
  const layers = parts.map((part) => part.layers);
  hash.update(
    JSON.stringify({ FORMAT, layers, shape, stored, mean, std, resize, seed, views, ...augmentationOf(config) }),
  );
  for (const { name } of networkParameters(network)) {
    if (!isBranch(name) && !isOfFull(name)) hash.update(bytesOf(state[name].values));
  }
  if (train.hashes) hash.update(JSON.stringify(train.hashes));
  else if (train.pixels.in === 'memory') hash.update(train.pixels.bytes);
  return hash.digest('hex');
}

const isOfFull = (parameter: string): boolean => parameter.startsWith('full.');

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
