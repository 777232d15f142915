import { expect, it } from 'vitest';
import { networkCost } from '../../network/cost.js';
import { createNetwork } from '../../network/zoo/index.js';
import { resolveConfig } from '../../run/config.js';
import { networkOf, type Run } from '../../run/run-directory.js';
import { baselineConfig, spreadExits } from './training.js';

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
