import { describe, expect, it } from 'vitest';
import { trunkOf } from '../../network/branch.js';
import { networkCost } from '../../network/cost.js';
import { createNetwork } from '../../network/zoo/index.js';
import { resolveConfig } from '../../run/config.js';
import { networkOf, type Run } from '../../run/run-directory.js';
import { baselineConfig, spreadExits, TRAINED_BASELINES } from './training.js';

function runOf(network: string): Run {
  const config = resolveConfig({ network, lr: 0.001, branchLr: 0.003, distillation: 2, floatWeights: 0.5 });
  return { path: '/runs/joint', config, network: networkOf(config, [32, 32, 3], 10) };
}

it.each([
  ['lenet', [28, 28, 1], 'conv1,conv2'],
  ['resnet18', [32, 32, 3], 'layer1-1,layer2-1,layer3-1'],
  ['vgg16', [224, 224, 3], 'conv4,conv6,conv9'],
] as const)('float exits of %s are spread over its multiplications', (name, input, attach) => {
  expect(spreadExits(createNetwork(name, input, 10))).toBe(attach);
});

it.each(['lenet', 'alexnet', 'resnet18'])('a student of %s is up to twice the download of the run', (name) => {
  const run = runOf(name);
  const config = resolveConfig(baselineConfig('student', run));
  const bytes = ({ width }: { width: number }) =>
    networkCost(networkOf({ ...config, width }, run.network.input, 10)).full.bytes;
  const limit = 2 * networkCost(run.network).device.bytes;
  expect(bytes(config)).toBeLessThanOrEqual(limit);
  expect(bytes({ width: config.width + 1 / 64 })).toBeGreaterThan(limit);
  expect(config).toMatchObject({ network: name, branch: 'none', teacher: '/runs/joint', distillation: 1 });
});

it('baselines take the options of the run, without what is for binary branches', () => {
  for (const name of ['edgent', 'mobilenet-v2'] as const) {
    const config = resolveConfig(baselineConfig(name, runOf('lenet')));
    expect(config).toMatchObject({ lr: 0.001, branchLr: 0.001, distillation: 0, floatWeights: 0 });
    expect(config.branch).toBe(name === 'edgent' ? 'float' : 'none');
  }
});

describe('baselines of a run that was trained in stages', () => {
  const augmented = { epochs: 2, flip: true };
  const config = resolveConfig({
    network: 'lenet',
    stages: [
      { trains: 'full', lr: 0.1, ...augmented },
      { trains: 'branch', lr: 0.01, distillation: 2, branchStart: 'full', floatWeights: 0.5, ...augmented },
    ],
  });
  const run: Run = { path: '/runs/staged', config, network: networkOf(config, [28, 28, 1], 10) };
  const float = { floatWeights: 0, distillation: 0, branchStart: 'random', fineTune: 0 };

  it('take the stages of the full network if they are a network alone', () => {
    const alone = resolveConfig(baselineConfig('mobilenet-v2', run));
    expect([alone.epochs, alone.stages]).toEqual([2, [{ trains: 'full', lr: 0.1, ...augmented, ...float }]]);
    const student = resolveConfig(baselineConfig('student', run));
    expect(student.stages).toEqual([{ trains: 'full', lr: 0.1, ...augmented, ...float, distillation: 1 }]);
  });

  it('take all stages if they have exits, without what is for binary branches', () => {
    const { stages } = resolveConfig(baselineConfig('edgent', run));
    expect(stages).toMatchObject([
      { trains: 'full', lr: 0.1, ...float },
      { trains: 'branch', lr: 0.01, ...float },
    ]);
  });

  it('train at once if no stage trained the full network', () => {
    const only = { ...run, config: { ...config, stages: config.stages?.slice(1) } };
    expect(resolveConfig(baselineConfig('mobilenet-v2', only)).stages).toBeUndefined();
  });
});

it('baselines of a run on a kept trunk learn from nothing, and keep images for validation', () => {
  const config = resolveConfig({
    ...{
      network: 'efficientnet-lite0',
      initFrom: 'efficientnet-lite0',
      views: 8,
      distillation: 2,
      distillationFolds: 4,
    },
    ...{ validation: 0, branchStart: 'full', branch: 'blocks=2', attach: 'stage4-2', fineTune: 3 },
  });
  const run: Run = { path: '/runs/photos', config, network: networkOf(config, [224, 224, 3], 5) };
  for (const name of TRAINED_BASELINES) {
    const { initFrom, views, validation, branchStart } = resolveConfig(baselineConfig(name, run));
    expect([initFrom, views, validation, branchStart]).toEqual([undefined, 0, 0.1, 'random']);
  }
});

it('MobileNetV2 takes no layers of an imported network', () => {
  const layers = [...trunkOf(createNetwork('lenet', [28, 28, 1], 10))];
  const config = resolveConfig({ network: 'mine', layers });
  const run: Run = { path: '/runs/imported', config, network: networkOf(config, [28, 28, 1], 10) };
  const alone = resolveConfig(baselineConfig('mobilenet-v2', run));
  const { name, shared } = networkOf(alone, [32, 32, 3], 10);
  expect({ name, shared }).toMatchObject({
    name: 'mobilenet-v2',
    shared: createNetwork('mobilenet-v2', [32, 32, 3], 10, { branch: 'none' }).shared,
  });
});
