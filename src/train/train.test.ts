import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { tinyImageFolder } from '../../test/image-files.js';
import { UserError } from '../base/errors.js';
import { loadDataset } from '../datasets/load-dataset.js';
import { loadInThreads } from '../datasets/loading/threads.js';
import { resolveConfig } from '../run/config.js';
import { createRun, networkOf, openRun, readMetrics, readRunCheckpoint, runFile } from '../run/run-directory.js';
import { createEngine } from './engines/index.js';
import { readTeacher } from './read-teacher.js';
import { trainNetwork } from './train.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-train-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// Narrow: bits and files don't depend on the width.
const config = resolveConfig({ width: 0.2, epochs: 2, batchSize: 100, validation: 4000, shift: 1, lr: 0.002 });
const sample = loadDataset(config.dataset);

async function run(
  name: string,
  stopAfter: number | undefined,
  given = config,
  { kill = false, saveEvery }: { kill?: boolean; saveEvery?: number } = {},
): Promise<string> {
  const path = join(folder, name);
  const dataset = await sample;
  const resumed = stopAfter === undefined && name.startsWith('stopped');
  const opened = resumed ? openRun(path) : createRun(path, given, networkOf(given, dataset.shape, 10));
  const engine = await createEngine('onnxruntime');
  const stop = new AbortController();
  let steps = 0;
  const onStep = () => {
    if (++steps !== stopAfter) return;
    if (kill) throw new Error('killed');
    stop.abort();
  };
  const checkpoint = resumed ? readRunCheckpoint(opened) : undefined;
  try {
    await trainNetwork({ run: opened, dataset, engine, checkpoint, signal: stop.signal, onStep, saveEvery });
  } finally {
    await engine.dispose();
  }
  return path;
}

describe('training', () => {
  it('resumes in the middle of an epoch to the bits of an uninterrupted run', async () => {
    const whole = await run('whole', undefined);
    await run('stopped', 27);
    const stopped = await run('stopped', undefined);
    const bytes = (path: string) => readFileSync(runFile({ path }, 'checkpoint'));
    expect(bytes(stopped).equals(bytes(whole))).toBe(true);
  });

  it('that was killed resumes where it last saved, within an epoch', async () => {
    const given = { ...config, epochs: 1 };
    const whole = await run('whole-saved', undefined, given);
    const killed = run('stopped-killed', 5, given, { saveEvery: 0, kill: true });
    await expect(killed).rejects.toThrow('killed');
    const path = join(folder, 'stopped-killed');
    expect(readRunCheckpoint(openRun(path)).progress).toMatchObject({ epoch: 0, step: 4 });
    await run('stopped-killed', undefined);
    const bytes = (of: string) => readFileSync(runFile({ path: of }, 'checkpoint'));
    expect(bytes(path).equals(bytes(whole))).toBe(true);
  });

  it('of a network alone learns from a teacher, and goes on to the same bits without keeping it', async () => {
    const given = { ...config, epochs: 1, validation: 4500, branch: 'none' };
    const teacher = await run('teacher', undefined, { ...given, width: 0.4 });
    const student = { ...given, width: 0.1, distillation: 1, teacher };
    const bytes = (path: string) => readFileSync(runFile({ path }, 'checkpoint'));
    const whole = await run('student', undefined, student);
    await run('stopped-student', 3, student);
    const stopped = await run('stopped-student', undefined);
    expect(bytes(stopped).equals(bytes(whole))).toBe(true);
    expect(Object.keys(readRunCheckpoint(openRun(whole)).state).filter((name) => /teacher|branch/.test(name))).toEqual(
      [],
    );
    const untaught = await run('untaught', undefined, { ...student, distillation: 0 });
    expect(bytes(untaught).equals(bytes(whole))).toBe(false);
    const [{ fullLoss, branchLoss, fullAccuracy, branchAccuracy }] = readMetrics(openRun(whole));
    expect([branchLoss, branchAccuracy]).toEqual([fullLoss, fullAccuracy]);
    const other = networkOf(student, [32, 32, 3], 10);
    expect(() => readTeacher(student, other)).toThrow(
      /expected a network for 32x32x3, 10 classes, found one for 28x28x1/,
    );
  });

  it('of the branch alone leaves the full network as it was, to the bit', async () => {
    const given = { ...config, epochs: 1, validation: 4500 };
    const first = openRun(await run('full', undefined, given));
    const frozen = { ...given, seed: 2, freezeFull: true, initFrom: runFile(first, 'checkpoint') };
    const second = openRun(await run('branch-alone', undefined, frozen));
    const [before, after] = [readRunCheckpoint(first).state, readRunCheckpoint(second).state];
    for (const [name, { values }] of Object.entries(after)) {
      if (/^(shared|full)\./.test(name)) expect(values, name).toEqual(before[name].values);
      else expect(name).toMatch(/^(optimizer\.\w+\.)?branch\./);
    }
    const [{ branchLoss }] = readMetrics(second);
    expect(branchLoss).toBeLessThan(Math.log(10));
  });

  it('of several exits resumes to the same bits, and records every branch', async () => {
    const several = { ...config, attach: 'conv1,conv2', epochs: 1, validation: 4500 };
    const whole = await run('whole-exits', undefined, several);
    await run('stopped-exits', 3, several);
    const { further } = readRunCheckpoint(openRun(join(folder, 'stopped-exits'))).progress;
    expect(further).toEqual([{ branchLoss: expect.any(Number), branchHits: expect.any(Number) }]);
    const stopped = await run('stopped-exits', undefined);
    const bytes = (path: string) => readFileSync(runFile({ path }, 'checkpoint'));
    expect(bytes(stopped).equals(bytes(whole))).toBe(true);
    const [line] = readMetrics(openRun(whole));
    expect(readMetrics(openRun(stopped))[0].further).toEqual(line.further);
    expect(line.further).toHaveLength(1);
  });

  it('of two stages resumes on either side of the switch to the bits of an uninterrupted run', async () => {
    const given = {
      ...config,
      floatWeights: 0.5,
      epochs: 1,
      batchSize: 250,
      width: 0.1,
      estimator: 'approx-sign',
    } as const;
    const whole = await run('two-stages', undefined, given);
    const bytes = (path: string) => readFileSync(runFile({ path }, 'checkpoint'));
    for (const stopAfter of [2, 6]) {
      // of 8 steps
      await run(`stopped-${stopAfter}`, stopAfter, given);
      expect(bytes(await run(`stopped-${stopAfter}`, undefined)).equals(bytes(whole))).toBe(true);
    }
    const oneStage = await run('one-stage', undefined, { ...given, floatWeights: 0 });
    expect(bytes(oneStage).equals(bytes(whole))).toBe(false);
  });

  it('stops at a loss that is no number, says what to try, and keeps the checkpoint before it', async () => {
    await expect(run('diverging', undefined, { ...config, optimizer: 'momentum', lr: 1e30 })).rejects.toThrow(
      'try a smaller --lr',
    );
    expect(readRunCheckpoint(openRun(join(folder, 'diverging'))).progress.totalSteps).toBe(0);
  });
});

it.each<[string, (path: string) => void]>([
  ['vanishes', (path) => rmSync(path)],
  ['breaks', (path) => writeFileSync(path, 'no image')],
])('a file that %s while threads load ends training with its name, and leaves a checkpoint', async (what, spoil) => {
  const images = join(folder, `images-${what}`);
  await tinyImageFolder(images);
  const env = { XDG_CACHE_HOME: join(folder, 'cache') };
  const dataset = await loadDataset('folder', { dataDir: images, imageSize: 16, env });
  const given = resolveConfig({ width: 0.1, epochs: 50, batchSize: 2, validation: 3 });
  const opened = createRun(join(folder, what), given, networkOf(given, dataset.shape, 3));
  const [engine, loader] = [await createEngine('onnxruntime'), loadInThreads(1)];
  const broken = join(images, 'train', 'b', '1.jpg');
  try {
    const training = trainNetwork({
      run: opened,
      dataset,
      engine,
      loader,
      onEpoch: ({ epoch }) => epoch === 1 && spoil(broken),
    });
    const thrown = await training.catch((error) => error);
    expect(thrown).toBeInstanceOf(UserError);
    expect(thrown.message).toMatch(`${broken}: expected an image`);
    expect(readRunCheckpoint(opened).progress).toMatchObject({ epoch: 1, step: 0 });
  } finally {
    await loader.close();
    await engine.dispose();
  }
});
