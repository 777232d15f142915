import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadDataset } from '../datasets/load-dataset.js';
import { type Config, resolveConfig } from '../run/config.js';
import {
  createRun,
  networkOf,
  openRun,
  type Run,
  readMetrics,
  readRunCheckpoint,
  runFile,
} from '../run/run-directory.js';
import { createEngine } from './engines/index.js';
import { trainNetwork } from './train.js';
import { trainStages } from './train-stages.js';
import { startState } from './warm-start/warm-start.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-stages-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const config = resolveConfig({
  width: 0.2,
  validation: 5500, // of 6,000
  batchSize: 100,
  shift: 1,
  stages: [
    { trains: 'full', epochs: 2, optimizer: 'nesterov', lr: 0.05, schedule: 'linear', averageDecay: 0.9 },
    { trains: 'branch', epochs: 2, lr: 0.005, distillation: 1, branchStart: 'full', recalibration: 3 },
  ],
});

/** Trains to the end, or stops after `stopAfter` steps; resumes the run if it exists. */
async function run(name: string, stopAfter?: number, given: Config = config): Promise<Run> {
  const path = join(folder, name);
  const dataset = await loadDataset(given.dataset);
  const network = networkOf(given, dataset.shape, 10);
  const resumed = name.startsWith('stopped') && stopAfter === undefined;
  const opened = resumed ? openRun(path) : createRun(path, given, network);
  const checkpoint = resumed ? readRunCheckpoint(opened) : undefined;
  const start = resumed ? undefined : startState(given, network).state;
  const engine = await createEngine('onnxruntime');
  const stop = new AbortController();
  let steps = 0;
  const onStep = () => void (++steps === stopAfter && stop.abort());
  try {
    await trainStages(opened, { dataset, checkpoint, start, signal: stop.signal, onStep }, (stage) =>
      trainNetwork({ ...stage, engine }),
    );
  } finally {
    await engine.dispose();
  }
  return opened;
}

const bytes = (of: Run): Buffer => readFileSync(runFile(of, 'checkpoint'));

it('trains the full network alone, then the branch on it, and goes on to the same bits from either stage', async () => {
  const whole = await run('whole');
  const { progress, state } = readRunCheckpoint(whole);
  expect(progress).toMatchObject({ stage: 1, epoch: 2, totalSteps: 10 });
  expect(readMetrics(whole).map(({ epoch, stage }) => [epoch, stage])).toEqual([
    [1, 0],
    [2, 0],
    [3, 1],
    [4, 1],
  ]);
  // Stopped in the first stage, at its very end, and in the second: 5 steps an epoch.
  for (const stopAfter of [3, 10, 14]) {
    const name = `stopped-${stopAfter}`;
    const stopped = await run(name, stopAfter);
    const at = readRunCheckpoint(stopped);
    expect(at.progress.stage).toBe(stopAfter > 10 ? 1 : 0);
    if (stopAfter > 10) {
      for (const part of ['shared', 'full']) {
        const names = Object.keys(state).filter((name) => name.startsWith(`${part}.`));
        expect(names.length).toBeGreaterThan(0);
        for (const name of names) expect(state[name], name).toEqual(at.state[name]); // frozen
      }
    }
    expect(bytes(await run(name)).equals(bytes(whole)), name).toBe(true);
  }
  const [, , first, last] = readMetrics(whole);
  expect(last.fullAccuracy).toBe(first.fullAccuracy);
  expect(last.branchLoss).toBeLessThan(Math.log(10));
  // While the full network trains alone, its numbers are reported for the branch, too.
  const [{ fullAccuracy, branchAccuracy }] = readMetrics(whole);
  expect(branchAccuracy).toBe(fullAccuracy);
  expect(Object.keys(state).filter((name) => name.startsWith('optimizer.'))).toEqual(
    expect.not.arrayContaining([expect.stringMatching(/raw|velocity|\.full\./)]),
  );
});

it('draws each epoch of a run anew, whatever stages came before', async () => {
  const stage = { trains: 'full' as const, epochs: 1, lr: 1e-12 };
  const [first, second] = readMetrics(
    await run('draws', undefined, resolveConfig({ ...config, stages: [stage, stage] })),
  );
  expect(Math.abs(second.fullLoss - first.fullLoss)).toBeGreaterThan(1e-5);
});

it("keeps the average of weights under the parameters' names, beside those under training", async () => {
  const [stage] = config.stages!;
  const alone = await run('average', undefined, resolveConfig({ ...config, stages: [{ ...stage, epochs: 1 }] }));
  const { state } = readRunCheckpoint(alone);
  const name = 'full.conv2.kernel';
  const start = startState(alone.config, alone.network).state[name].values;
  // 5 steps: the average moved once, by 1 - 0.9^5, from the initial towards the final weights.
  const raw = state[`optimizer.raw.${name}`].values;
  state[name].values.forEach((average, i) => {
    expect(average).toBeCloseTo(start[i] * 0.9 ** 5 + raw[i] * (1 - 0.9 ** 5), 5);
  });
});
