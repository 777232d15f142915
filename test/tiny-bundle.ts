import { random } from '../src/base/random.js';
import type { Bundle } from '../src/bundle/read-bundle.js';
import { readBundle } from '../src/bundle/read-bundle.js';
import { type BundleDraft, writeBundle } from '../src/bundle/write-bundle.js';
import { type BundleInfo, generateBundle } from '../src/codegen/generate-bundle.js';
import { entryParts, entryPoints } from '../src/export/entry-points.js';
import { TAIL_INPUT, TAIL_OUTPUT, tailModel } from '../src/export/float-model.js';
import { lowerBranch } from '../src/export/lower.js';
import { deployedState } from '../src/network/deployed.js';
import { createNetwork } from '../src/network/zoo/index.js';
import { initialState } from '../src/train/initial-state.js';

/** Height and width of the bundle's images: the smallest that LeNet takes. */
export const SIZE = 16;
export const LABELS = ['one', 'two', 'three'];

const INPUT: BundleInfo['input'] = { shape: [SIZE, SIZE, 1], mean: [0.5], std: [0.25] };

/** LeNet as it is before any training, on 16x16 images, with exits behind these layers. */
export function tinyModel(attach: string, seed = 1) {
  const network = createNetwork('lenet', [SIZE, SIZE, 1], LABELS.length, { attach });
  const state = deployedState(network, initialState(network, 'momentum', seed));
  return { network, state, program: lowerBranch(network, state), tail: tailModel(network, state) };
}

const one = tinyModel('conv1');
const three = tinyModel('conv1,conv2,fc1');
/** The device program of the bundle, and of the one with three exits. */
export const { program } = one;
export const exitsProgram = three.program;

/**
 * A bundle of that model; one with three exits where τ is a list. τ defaults to one that some images exit at.
 *
 * @param seed of the weights
 */
export function tinyDraft(
  change: Partial<Pick<BundleInfo, 'name' | 'tau' | 'entropyTemperature' | 'samples' | 'input'>> = {},
  seed = 1,
): BundleDraft {
  const { network, state, program, tail } = Array.isArray(change.tau)
    ? three
    : seed === 1
      ? one
      : tinyModel('conv1', seed);
  const { name = 'tiny', input = INPUT } = change;
  return generateBundle(program, {
    name,
    network: 'lenet',
    dataset: 'tiny',
    input,
    labels: LABELS,
    tau: 0.5,
    tail: { model: tail, input: TAIL_INPUT, output: TAIL_OUTPUT },
    ...entryPoints(entryParts(network, input, {}), network, state, name),
    samples: [],
    provenance: { seed: 1 },
    ...change,
  });
}

/** Writes that bundle and reads it back. */
export async function tinyBundle(folder: string, ...draft: Parameters<typeof tinyDraft>): Promise<Bundle> {
  await writeBundle(folder, tinyDraft(...draft));
  return readBundle(folder);
}

/** Normalised images for it, from noise about dark to noise about bright, so that the branch is not alike sure of them. */
export function tinyImages(count: number): Float32Array[] {
  const next = random(5);
  return Array.from({ length: count }, (_, i) =>
    Float32Array.from({ length: SIZE * SIZE }, () => 2 * next() - 1 + (2 * i) / count),
  );
}

/** Where the largest value is. */
export function largest(values: Float32Array): number {
  return values.indexOf(Math.max(...values));
}
