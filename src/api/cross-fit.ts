import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../base/errors.js';
import { random } from '../base/random.js';
import { assignFolds } from '../datasets/assign-folds.js';
import type { Dataset } from '../datasets/dataset.js';
import { createLoader } from '../datasets/loading/create-loader.js';
import { openFrozenLayers } from '../export/frozen-layers.js';
import { openRun } from '../run/run-directory.js';
import { createEngine } from '../train/engines/index.js';
import type { Logits } from '../train/evaluate.js';
import { augmentationOf } from '../train/reports.js';
import { trainNetwork } from '../train/train.js';
import { trainStages } from '../train/train-stages.js';
import type { Trained } from './open-trained.js';
import { checkedStart } from './start-state.js';

/** Separates the draw of the folds from other draws of the same seed. */
const FOLDS = 0x666f6c64;

/** What a caller can follow of cross-fitting, and the signal that ends it. */
export interface CrossFitEvents {
  /** Called with a line before each fold is trained. */
  readonly onNote?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Answers to every photograph of the training split, each by a head that hasn't seen it: the photographs are divided into
 * folds, and for each fold a head is trained on the others, with the run's options. The frozen layers' outputs come from
 * the cache. A threshold tuned on these answers uses all photographs, but is proved for the heads of the folds, which are
 * trained on fewer photographs than the run's own.
 *
 * @param trained a run that was trained with `--views`
 * @throws UserError if a fold would be empty; the signal's reason if it is aborted
 */
export async function crossFit(
  { run: opened, dataset }: Trained,
  folds: number,
  { onNote, signal }: CrossFitEvents = {},
): Promise<Logits> {
  // The network as it is trained: an opened run has the deployed one.
  const run = openRun(opened.path);
  const { config, network } = run;
  // A fold's photographs must not choose an epoch of the head that answers them.
  const toTheEnd = { ...config, keep: 'last' as const, patience: undefined };
  const assigned = foldsOf(dataset, folds, config.seed);
  const found: Logits[] = [];
  const engine = await createEngine(config.engine, config.device);
  const loader = createLoader(dataset, augmentationOf(config));
  const path = mkdtempSync(join(tmpdir(), 'lcdnn-fold-'));
  try {
    for (let fold = 0; fold < folds; fold++) {
      onNote?.(`training the head of fold ${fold + 1} of ${folds}`);
      let answers: Logits | undefined;
      const options = {
        dataset: withFold(dataset, assigned, fold),
        openFrozenLayers,
        signal,
        start: (await checkedStart(config, network, dataset)).state,
        onValidated: (logits: Logits) => {
          answers = logits;
        },
      };
      await trainStages({ ...run, path, config: toTheEnd }, options, (stage) =>
        trainNetwork({ ...stage, engine, loader }),
      );
      signal?.throwIfAborted();
      found.push(answers!);
    }
  } finally {
    await loader.close();
    await engine.dispose();
    rmSync(path, { recursive: true, force: true });
  }
  return joined(found);
}

/** The fold of each image. @throws UserError if one would be empty */
function foldsOf({ train }: Dataset, folds: number, seed: number): Uint8Array {
  const all = Int32Array.from({ length: train.count }, (_, image) => image);
  const assigned = assignFolds(train, all, folds, random(seed, FOLDS));
  for (let fold = 0; fold < folds; fold++) {
    if (assigned.includes(fold)) continue;
    throw new UserError(`cross-fit: expected at least ${folds} photographs, one for each fold, found ${train.count}`);
  }
  return assigned;
}

/** The data set with a fold as its validation images. */
function withFold(dataset: Dataset, assigned: Uint8Array, fold: number): Dataset {
  const recorded = Array.from(assigned, (own) => (own === fold ? ('validation' as const) : ('train' as const)));
  return { ...dataset, train: { ...dataset.train, recorded } };
}

function joined(parts: readonly Logits[]): Logits {
  const floats = (of: (part: Logits) => Float32Array) => Float32Array.from(parts.flatMap((part) => [...of(part)]));
  return {
    full: floats(({ full }) => full),
    branches: parts[0].branches.map((_, exit) => floats(({ branches }) => branches[exit])),
    labels: Uint16Array.from(parts.flatMap(({ labels }) => [...labels])),
    classes: parts[0].classes,
  };
}
