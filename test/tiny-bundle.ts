import type { Bundle } from '../src/bundle/read-bundle.js';
import { readBundle } from '../src/bundle/read-bundle.js';
import { type BundleDraft, writeBundle } from '../src/bundle/write-bundle.js';
import { generateBundle } from '../src/codegen/generate-bundle.js';
import { floatModel, TAIL_INPUT, TAIL_OUTPUT } from '../src/export/float-model.js';
import { lowerBranch } from '../src/export/lower.js';
import { lenet } from '../src/network/zoo/lenet.js';
import { initialState } from '../src/train/initial-state.js';

/** Height and width of the bundle's images: the smallest that LeNet takes. */
export const SIZE = 16;
export const LABELS = ['one', 'two', 'three'];

const network = lenet([SIZE, SIZE, 1], LABELS.length);
const state = initialState(network, 'momentum', 1);
/** The device program of the bundle. */
export const program = lowerBranch(network, state);

/** A bundle of LeNet as it is before any training, on 16x16 images. τ defaults to one that some images exit at. */
export function tinyDraft(change: { name?: string; tau?: number } = {}): BundleDraft {
  return generateBundle(program, {
    name: 'tiny',
    network: 'lenet',
    dataset: 'tiny',
    input: { shape: [SIZE, SIZE, 1], mean: [0.5], std: [0.25] },
    labels: LABELS,
    tau: 0.5,
    tail: { model: floatModel(network, state, ['full']), input: TAIL_INPUT, output: TAIL_OUTPUT },
    samples: [],
    provenance: { seed: 1 },
    ...change,
  });
}

/** Writes that bundle and reads it back. */
export async function tinyBundle(folder: string, change?: Parameters<typeof tinyDraft>[0]): Promise<Bundle> {
  await writeBundle(folder, tinyDraft(change));
  return readBundle(folder);
}
