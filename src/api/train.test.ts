import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { bestEpoch } from '../run/patience.js';
import { openRun, readKeptCheckpoint, readMetrics, readRunCheckpoint, runFile } from '../run/run-directory.js';
import { openResumed } from './open-resumed.js';
import { resumeTraining, train } from './train.js';
import { tuneTau } from './tune-tau.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-train-api-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const options = { epochs: 4, batchSize: 100, validation: 4000, width: 0.3, branch: 'conv=1,fc=2' };

it('keeps the best epoch, ends when patience does, tunes on the other half, and trains longer', async () => {
  const out = join(folder, 'run');
  const notes: string[] = [];
  const onNote = (text: string) => notes.push(text);
  // A rate at which accuracies jump up and down.
  const given = { ...options, epochs: 30, lr: 0.03, schedule: 'constant' as const, keep: 'best' as const, patience: 1 };
  await train({ out, options: { ...given, classWeights: 'balanced' }, onNote });
  const run = openRun(out);
  const metrics = readMetrics(run);
  const best = bestEpoch(metrics)!;
  expect(metrics.length).toBeLessThan(30);
  expect(metrics.length).toBe(best.epoch + 1);
  expect(readKeptCheckpoint(run).progress.epoch).toBe(best.epoch);
  expect(readRunCheckpoint(run).progress.epoch).toBe(metrics.length);
  expect(existsSync(runFile(run, 'metricsTable'))).toBe(true);
  expect(notes.join('\n')).toMatch(
    new RegExp(
      `no epoch was better for 1, so training ends; the weights of epoch ${best.epoch} are kept; .*other half`,
    ),
  );

  const tuned = await tuneTau(out);
  expect(tuned.samples).toBe(2000);

  // Ended by its patience: resuming alone changes nothing.
  await resumeTraining(out);
  expect(readMetrics(openRun(out))).toHaveLength(metrics.length);
  const longer = metrics.length + 1;
  await resumeTraining(out, { options: { epochs: longer }, onNote });
  expect(notes.join('\n')).toMatch(
    `${longer} epochs instead of 30: the constant schedule is stretched over all of them`,
  );
  expect(readMetrics(openRun(out))).toHaveLength(longer);
  // The threshold was of the network before.
  expect(existsSync(runFile(openRun(out), 'tau'))).toBe(false);
  expect(notes.join('\n')).toMatch(/results of the network before are removed; run tune-tau and evaluate again/);
  expect(openRun(out).config).toMatchObject({ epochs: longer, extended: [{ epoch: metrics.length, planned: 30 }] });

  expect(() => openResumed(out, { epochs: 1 })).toThrow(/expected more than the \d+ epochs so far, found 1/);
  expect(() => openResumed(out, { lr: 1 })).toThrow(/goes on with lr 0\.03, found 1/);
}, 300_000);

it('adds stages to a finished run, to the bits of a run that had them from the start', async () => {
  const stages = [
    { trains: 'full' as const, epochs: 1 },
    { trains: 'branch' as const, lr: 0.01 },
  ];
  const longer = [...stages, { trains: 'branch' as const, lr: 0.001, epochs: 2 }];
  const given = { ...options, epochs: 1, stages };
  const [out, whole] = [join(folder, 'staged'), join(folder, 'whole')];
  const notes: string[] = [];
  await train({ out, options: given });
  await resumeTraining(out, { options: { ...given, stages: longer }, onNote: (note) => notes.push(note) });
  await train({ out: whole, options: { ...given, stages: longer } });
  expect(notes).toContain('3 stages instead of 2, 4 epochs altogether');
  expect(openRun(out).config).toEqual(openRun(whole).config);
  expect(readRunCheckpoint(openRun(out))).toEqual(readRunCheckpoint(openRun(whole)));
  const accuracies = (path: string) => readMetrics(openRun(path)).map(({ epoch, branchLoss }) => [epoch, branchLoss]);
  expect(accuracies(out)).toEqual(accuracies(whole));

  expect(() => openResumed(out, { epochs: 1, stages })).toThrow(
    /goes on with stage 3, branch: epochs 2, lr 0\.001; found none; give a recipe that begins/,
  );
  expect(() => openResumed(out, { epochs: 1, stages: [{ ...stages[0], lr: 1 }, ...longer.slice(1)] })).toThrow(
    /goes on with stage 1, full: epochs 1; found full: .*lr 1.*; give a recipe that begins with the stages so far/,
  );
  expect(() => openResumed(out, { epochs: 9 })).toThrow(/found 3; give --recipe FILE with another stage at the end/);
}, 300_000);

it('changes the stages to come, and none of those that began', async () => {
  const stages = [
    { trains: 'full' as const, epochs: 1 },
    { trains: 'branch' as const, epochs: 1 },
  ];
  const out = join(folder, 'interrupted');
  const stop = new AbortController();
  await train({
    out,
    options: { ...options, stages },
    signal: stop.signal,
    onStep: () => stop.abort(new Error('stop')),
  });
  const others = [stages[0], { trains: 'branch' as const, epochs: 2, branchStart: 'full' as const }];
  expect(openResumed(out, { stages: others }).config).toMatchObject({ epochs: 3, stages: others });
  expect(() => openResumed(out, { stages: [{ trains: 'both', epochs: 1 }] })).toThrow(/goes on with stage 1, /);
});
