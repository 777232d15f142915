import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { firstImages } from '../../../test/tiny-dataset.js';
import { random } from '../../base/random.js';
import type { NamedArrays } from '../../base/tensors.js';
import { assignFolds } from '../../datasets/assign-folds.js';
import type { Dataset } from '../../datasets/dataset.js';
import { loadDataset } from '../../datasets/load-dataset.js';
import { openFrozenLayers } from '../../export/frozen-layers.js';
import { deployedState } from '../../network/deployed.js';
import { isOfHead } from '../../network/head.js';
import type { JointNetwork } from '../../network/layers.js';
import { resolveConfig } from '../../run/config.js';
import { createRun, networkOf } from '../../run/run-directory.js';
import { withoutBranches } from '../../run/stages.js';
import { createEngine } from '../engines/index.js';
import type { Logits } from '../evaluate.js';
import { initialParameters, initialSlots } from '../initial-state.js';
import { trainNetwork } from '../train.js';
import { crossFittedAnswers, FOLDS } from './cross-fitted-answers.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-cross-fitted-'));
beforeAll(() => vi.stubEnv('XDG_CACHE_HOME', folder));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const IMAGES = 90;
const CLASSES = 10;
const config = resolveConfig({
  ...{ width: 0.2, batchSize: 20, epochs: 3, seed: 5, views: 2, flip: true },
  ...{ initFrom: 'unused', distillation: 4, distillationFolds: 3 },
});

const sample = async () => firstImages(IMAGES, await loadDataset('fashion-mnist-sample'));

/** The answers; the engine's state must be the same before and after. */
async function answersTo(dataset: Dataset, chosen: Int32Array, signal?: AbortSignal) {
  const network = networkOf(config, dataset.shape, CLASSES);
  const state = deployedState(network, initialParameters(network, config.seed));
  const engine = await createEngine('onnxruntime');
  engine.setState(state);
  try {
    const options = { engine, network, config, state, openFrozenLayers, dataset, signal };
    const answers = await crossFittedAnswers(options, { chosen, path: folder });
    expect(await engine.getState()).toEqual(state);
    return answers;
  } finally {
    await engine.dispose();
  }
}

/** The frozen layers of `whole`, and the last layer of `alone` before it is trained. */
function startOf(alone: JointNetwork, whole: JointNetwork): NamedArrays {
  const parameters = { ...initialParameters(alone, config.seed) };
  const frozen = deployedState(whole, initialParameters(whole, config.seed));
  for (const name of Object.keys(parameters)) if (!isOfHead(alone)(name)) parameters[name] = frozen[name];
  return { ...parameters, ...initialSlots(parameters, alone, config) };
}

const rowOf = (answers: Float32Array, record: number) => answers.subarray(record * CLASSES, (record + 1) * CLASSES);

const all = Int32Array.from({ length: IMAGES }, (_, image) => image);

it('answers the images of each fold with a last layer that was trained on the other folds', async () => {
  const dataset = await sample();
  const answers = (await answersTo(dataset, all))!;
  expect(answers).toHaveLength(config.views * IMAGES * CLASSES);
  const assigned = assignFolds(dataset.train, all, 3, random(config.seed, FOLDS));
  const whole = networkOf(config, dataset.shape, CLASSES);
  const engine = await createEngine('onnxruntime');
  for (const fold of [0, 1, 2]) {
    const recorded = Array.from(assigned, (own) => (own === fold ? ('validation' as const) : ('train' as const)));
    const run = createRun(join(folder, `fold-${fold}`), config, withoutBranches(whole));
    let found: Logits | undefined;
    await trainNetwork({
      run,
      engine,
      openFrozenLayers,
      dataset: { ...dataset, train: { ...dataset.train, recorded } },
      start: startOf(run.network, whole),
      onValidated: (logits) => {
        found = logits;
      },
    });
    const inside = all.filter((image) => assigned[image] === fold);
    expect(inside.length).toBeGreaterThan(IMAGES / 4);
    // View 0 is the image as it is evaluated.
    expect([...found!.full]).toEqual(Array.from(inside, (image) => [...rowOf(answers, image)]).flat());
  }
  await engine.dispose();
});

it('answers an image with its label if it is the only one of its class', async () => {
  const dataset = await sample();
  const { labels } = dataset.train;
  const chosen = all.filter((image) => labels[image] !== 9 || image === labels.indexOf(9));
  const answers = (await answersTo(dataset, chosen))!;
  for (const view of [0, 1]) {
    const row = rowOf(answers, view * IMAGES + labels.indexOf(9));
    expect([...row]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 10]);
  }
  // Images that weren't chosen have no answers.
  expect([...rowOf(answers, labels.lastIndexOf(9))]).toEqual(new Array(CLASSES).fill(0));
});

it('answers images with their label if no others are left to train on', async () => {
  const dataset = await sample();
  const answers = (await answersTo(dataset, Int32Array.of(3)))!;
  const label = dataset.train.labels[3];
  expect(Array.from({ length: CLASSES }, (_, i) => rowOf(answers, 3)[i])).toEqual(
    Array.from({ length: CLASSES }, (_, i) => (i === label ? 10 : 0)),
  );
});

it('ends early if the signal is aborted, and leaves the engine as it was', async () => {
  expect(await answersTo(await sample(), all, AbortSignal.abort())).toBeUndefined();
});
