import { expect, it } from 'vitest';
import { resolveConfig } from '../run/config.js';
import type { EpochMetrics } from '../run/run-directory.js';
import { chanceAdvice, chanceOf } from './chance-advice.js';

const metrics = (full: number, branch: number, epoch = 3): EpochMetrics => ({
  ...{ epoch, fullLoss: 1, branchLoss: 1, trainFullAccuracy: full, trainBranchAccuracy: branch },
  ...{ fullAccuracy: full, branchAccuracy: branch, lr: 1, imagesPerSecond: 1 },
});
const config = resolveConfig();
const chance = { share: 0.1, images: 1000 };

it('reports the part that is at chance, after three epochs', () => {
  expect(chanceAdvice(metrics(0.105, 0.1), config, chance)).toMatch(/^the full network is at chance .*10\.00 %.*--lr/);
  expect(chanceAdvice(metrics(0.6, 0.11), config, chance)).toMatch(
    /^a branch is at chance .*--branch-lr \(now 0\.002\)/,
  );
  expect(chanceAdvice(metrics(0.6, 0.2), config, chance)).toBeUndefined();
  expect(chanceAdvice(metrics(0.1, 0.1, 2), config, chance)).toBeUndefined();
  expect(chanceAdvice(metrics(0.1, 0.1, 4), config, chance)).toBeUndefined();
});

it('says nothing of a frozen network, a missing branch, or a handful of images', () => {
  expect(chanceAdvice(metrics(0.1, 0.6), { ...config, freezeFull: true }, chance)).toBeUndefined();
  expect(chanceAdvice(metrics(0.6, 0.1), { ...config, branch: 'none' }, chance)).toBeUndefined();
  expect(chanceAdvice(metrics(0.1, 0.1), config, { share: 0.1, images: 20 })).toBeUndefined();
});

it('takes the most frequent class for chance', () => {
  expect(chanceOf([0, 1, 1, 1, 2])).toEqual({ share: 0.6, images: 5 });
  expect(chanceAdvice(metrics(0.6, 0.6), config, { share: 0.6, images: 100 })).toMatch(/60\.00 %/);
});
