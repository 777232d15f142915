import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { randomParameters, severalExits, smallNetwork } from '../../../test/small-network.js';
import { firstImages } from '../../../test/tiny-dataset.js';
import { normal, random } from '../../base/random.js';
import { loadDataset } from '../../datasets/load-dataset.js';
import { openFrozenLayers } from '../../export/frozen-layers.js';
import { frozenParts, fullHead, headInputs, isOfHead } from '../../network/head.js';
import { networkParameters } from '../../network/parameters.js';
import { featuresOf } from '../../network/shapes.js';
import { trainingChart } from '../../report/training-chart.js';
import { resolveConfig } from '../../run/config.js';
import { measuredRun } from '../../run/measured-runs.js';
import { createRun, networkOf, openRun, readMetrics, readRunCheckpoint, runFile } from '../../run/run-directory.js';
import { shownAccuracies } from '../../run/shown-accuracies.js';
import { createEngine } from '../engines/index.js';
import { inferenceFunction } from '../step.js';
import { trainNetwork } from '../train.js';
import { trainStages } from '../train-stages.js';
import { startState } from '../warm-start/warm-start.js';
import { writeFeatures } from './feature-file.js';
import { headInference } from './head-pass.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-frozen-'));
beforeAll(() => vi.stubEnv('XDG_CACHE_HOME', folder));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const base = resolveConfig({ epochs: 1, batchSize: 50, validation: 100, width: 0.2 });
const IMAGES = 300;
const features = () => readdirSync(join(folder, 'lcdnn/features'));

it.each([
  ['one exit', smallNetwork(false), 0],
  ['two exits', severalExits(2), 0],
  ['one exit, a block of which is trained', smallNetwork(false), 1],
])('frozen layers and head together compute what the network of %s computes', async (_, network, fineTune) => {
  const engine = await createEngine('onnxruntime');
  const state = randomParameters(network, 1);
  engine.setState(state);
  const names = networkParameters(network).map(({ name }) => name);
  const inHead = names.filter(isOfHead(network, fineTune));
  const next = random(1);
  const images = Float32Array.from({ length: 2 * featuresOf(network.input) }, () => normal(next));
  const shape = [2, ...network.input];
  const whole = await (await engine.compile(inferenceFunction(network), names, { images: shape }))({ images });
  const frozen = await openFrozenLayers(frozenParts(network, fineTune), state);
  const read = await frozen.compute(images, 2);
  await frozen.close();
  const shapes = Object.fromEntries(
    Object.entries(headInputs(network, fineTune)).map(([name, s]) => [name, [2, ...s]]),
  );
  const logits = await (await engine.compile(headInference(network, fineTune), inHead, shapes))(read);
  await engine.dispose();
  expect(Object.keys(logits)).toEqual(Object.keys(whole).filter((name) => name !== 'shared'));
  for (const [name, values] of Object.entries(logits)) {
    values.forEach((value, i) => {
      expect(value).toBeCloseTo(whole[name][i], 4);
    });
  }
});

async function run(name: string, given = base, stop: { afterViews?: number; afterSteps?: number } = {}) {
  const path = join(folder, name);
  const dataset = firstImages(IMAGES, await loadDataset(given.dataset));
  const resumed = readdirSync(folder).includes(name);
  const opened = resumed ? openRun(path) : createRun(path, given, networkOf(given, dataset.shape, 10));
  const engine = await createEngine('onnxruntime');
  const controller = new AbortController();
  let steps = 0;
  const computed: number[] = [];
  try {
    const options = {
      ...{ dataset, openFrozenLayers, signal: controller.signal },
      checkpoint: resumed ? readRunCheckpoint(opened) : undefined,
      start: resumed ? undefined : startState(given, opened.network).state,
      onViews(done: number) {
        computed.push(done);
        if (done > (stop.afterViews ?? Number.POSITIVE_INFINITY)) controller.abort();
      },
      onStep: () => {
        if (++steps === stop.afterSteps) controller.abort();
      },
    };
    await trainStages(opened, options, (stage) => trainNetwork({ ...stage, engine }));
  } finally {
    await engine.dispose();
  }
  return { path, computed, bytes: readFileSync(runFile({ path }, 'checkpoint')) };
}

describe('training on views', () => {
  it('changes only the head, and goes on to the same bits after each kind of interruption', async () => {
    const { path: full } = await run('full');
    const given = {
      ...base,
      seed: 2,
      views: 2,
      flip: true,
      shift: 2,
      epochs: 2,
      distillation: 1,
      distillationFolds: 3,
      initFrom: join(full, 'checkpoint.safetensors'),
    };
    const stopped = await run('stopped', given, { afterViews: 100 });
    expect(features()).toEqual([expect.stringMatching(/\.f32\.\w{8}\.\d+\.part$/)]);
    rmSync(join(folder, 'lcdnn'), { recursive: true });
    const whole = await run('whole', given);
    expect(whole.computed[0]).toBe(0);
    expect(whole.computed.at(-1)).toBe(2 * IMAGES);
    const halfway = await run('stopped', given, { afterSteps: 7 });
    expect(halfway.computed).toEqual([]); // from the cache
    expect(halfway.bytes.equals(stopped.bytes)).toBe(false);
    expect((await run('stopped', given)).bytes.equals(whole.bytes)).toBe(true);

    const [{ state: before }, { state: after }] = [full, whole.path].map((path) => readRunCheckpoint(openRun(path)));
    const { network } = openRun(full);
    const changed = Object.keys(before).filter(
      (name) =>
        !name.startsWith('optimizer') && !before[name].values.every((value, i) => value === after[name].values[i]),
    );
    expect(changed).toContain('full.fc2.kernel');
    expect(changed.filter((name) => !isOfHead(network)(name))).toEqual([]);
    expect(Object.keys(after).filter((name) => /^optimizer\.\w+\.(shared|full\.conv)/.test(name))).toEqual([]);
    // Whatever the branch learns from, the full network learns the same.
    const { path: own } = await run('own', { ...given, distillationFolds: 0 });
    const { state: other } = readRunCheckpoint(openRun(own));
    expect(other['full.fc2.kernel']).toEqual(after['full.fc2.kernel']);
    expect(other['branch.conv2.kernel']).not.toEqual(after['branch.conv2.kernel']);
    const [first, second] = readMetrics(openRun(whole.path));
    expect(second.branchLoss).toBeLessThan(first.branchLoss);
  });

  it('trains the last blocks, then the branch on them, with the same bits after an interruption', async () => {
    const { path: full } = await run('full-2');
    const given = resolveConfig({
      ...{
        validation: 100,
        width: 0.2,
        batchSize: 50,
        seed: 3,
        views: 1,
        initFrom: join(full, 'checkpoint.safetensors'),
      },
      stages: [
        { trains: 'full', epochs: 2, fineTune: 1, optimizer: 'nesterov', labelSmoothing: 0.1 },
        { trains: 'branch', epochs: 1 },
      ],
    });
    const whole = await run('tuned', given);
    // In the first stage; then while the second one's features are computed; then in its steps.
    rmSync(join(folder, 'lcdnn'), { recursive: true });
    await run('tuned-stopped', given, { afterSteps: 6 });
    const { computed } = await run('tuned-stopped', given, { afterViews: 100 });
    expect(computed.length).toBeGreaterThan(0);
    await run('tuned-stopped', given, { afterSteps: 2 });
    expect((await run('tuned-stopped', given)).bytes.equals(whole.bytes)).toBe(true);
    const [before, after] = [full, whole.path].map((path) => readRunCheckpoint(openRun(path)).state);
    const { network } = openRun(full);
    const differs = (name: string) => !before[name].values.every((value, i) => value === after[name].values[i]);
    const changed = networkParameters(network).filter(({ name }) => differs(name));
    expect(fullHead(network, 99).length).toBeGreaterThan(fullHead(network, 1).length);
    const ofFull = fullHead(network, 1).flatMap(({ layer }) => ('name' in layer ? [layer.name] : []));
    expect(ofFull.length).toBeGreaterThan(1);
    for (const name of ofFull) expect(changed.map((one) => one.name)).toContain(`full.${name}.kernel`);
    expect(changed.filter(({ name }) => !isOfHead(network, 1)(name))).toEqual([]);
    expect(changed.some(({ name }) => name.startsWith('branch.'))).toBe(true);
    // Their batch normalisation keeps its statistics.
    expect(changed.filter(({ name, role }) => role === 'statistic' && !name.startsWith('branch'))).toEqual([]);
  });

  it('keeps no images for validation if none are asked for, and says that accuracies are of training', async () => {
    const { path: full } = await run('full-3');
    const given = { ...base, seed: 4, views: 1, validation: 0, initFrom: join(full, 'checkpoint.safetensors') };
    const { path } = await run('all', resolveConfig(given));
    const [line] = readMetrics(openRun(path));
    expect(line.fullAccuracy).toBeUndefined();
    expect(line.branchAccuracy).toBeUndefined();
    const { trainFullAccuracy, trainBranchAccuracy } = line;
    const accuracies = { fullAccuracy: trainFullAccuracy, branchAccuracy: trainBranchAccuracy };
    expect(shownAccuracies(line)).toMatchObject({ on: 'training', ...accuracies });
    expect(trainingChart([line])).toContain('training accuracy (%)');
    expect(measuredRun(openRun(path))).toBeUndefined();
    expect(() => resolveConfig({ validation: 0 })).toThrow(
      'validation: expected images to validate a run without --views on, found 0; give a share, such as 0.1',
    );
    expect(() => resolveConfig({ ...given, keep: 'best' })).toThrow(/a run that chooses an epoch .* on, found 0/);
  });

  it('refuses more features than the cache may hold, and continues a file of an ended process', () => {
    const path = join(folder, 'made', 'x.f32');
    expect(() => writeFeatures(path, 1e6, 1e6)).toThrow(
      /expected at most 20\.00 GB in the cache, found .* of features of 1000000 views; set LCDNN_CACHE_LIMIT/,
    );
    const writer = writeFeatures(path, 2, 3);
    writer.append(Float32Array.of(1, 2, 3, 4));
    writer.truncate(1);
    writer.append(Float32Array.of(5, 6, 7, 8));
    expect(writer.records).toBe(3);
    const file = writer.finish();
    const record = new Float32Array(2);
    file.read(1, record);
    expect([...record]).toEqual([5, 6]);
    expect(() => file.read(3, record)).toThrow(/expected record 3, found the file cut short/);
    file.close();
  });
});
