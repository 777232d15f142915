import { expect, it } from 'vitest';
import { resolveConfig } from '../run/config.js';
import { networkOf } from '../run/run-directory.js';
import { evaluationBatchSize } from './evaluate.js';
import { requireMemory, stepMemory } from './training-memory.js';

/** Peak memory of a process that trained two steps with engine onnxruntime (2 cores, x86-64). */
const MEASURED = [
  { network: 'lenet', side: 28, batchSize: 64, megabytes: 274 },
  { network: 'resnet18', side: 32, batchSize: 64, megabytes: 2629 },
  { network: 'resnet18', side: 224, batchSize: 4, megabytes: 1680 },
  { network: 'mobilenet-v2', side: 224, batchSize: 8, megabytes: 1848 },
  { network: 'alexnet', side: 64, batchSize: 64, megabytes: 4322 },
];

const built = (network: string, side: number, batchSize: number) => {
  const config = resolveConfig({ network, batchSize });
  return { config, network: networkOf(config, [side, side, 3], 10) };
};

it('estimates the memory of a training step within 15 % of what was measured', () => {
  for (const { network, side, batchSize, megabytes } of MEASURED) {
    const one = built(network, side, batchSize);
    const { base, perImage } = stepMemory(one.network, one.config);
    const ratio = (base + batchSize * perImage) / (megabytes * 2 ** 20);
    expect(ratio, `${network} ${side}`).toBeGreaterThan(0.85);
    expect(ratio, `${network} ${side}`).toBeLessThan(1.15);
  }
});

it('refuses a step that cannot fit, and names a batch size that can', () => {
  const { network, config } = built('resnet18', 224, 64);
  expect(() => requireMemory(network, config, 4e9)).toThrow(
    /into 4\.0 GB of memory, found one of about \d+\.\d GB \(batches of 64, 224x224x3\); give --batch-size (\d+) or less/,
  );
  const fits = /--batch-size (\d+)/.exec(messageOf(() => requireMemory(network, config, 4e9)))![1];
  requireMemory(network, { ...config, batchSize: Number(fits) }, 4e9);
  expect(() => requireMemory(network, { ...config, batchSize: Number(fits) + 1 }, 4e9)).toThrow('memory');
  expect(() => requireMemory(network, config, 1e9)).toThrow('give a smaller --network');
});

it('evaluates in batches whose largest layer stays small', () => {
  expect(evaluationBatchSize(built('lenet', 28, 1).network)).toBe(250);
  expect(evaluationBatchSize(built('mobilenet-v2', 224, 1).network)).toBeLessThan(12);
  expect(evaluationBatchSize(built('vgg16', 224, 1).network)).toBeLessThan(5);
});

function messageOf(run: () => void): string {
  try {
    run();
  } catch (thrown) {
    return (thrown as Error).message;
  }
  return '';
}
