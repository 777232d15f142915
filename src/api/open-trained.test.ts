import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { expectEqual } from '../../kernels/test-values.js';
import { expectClose } from '../../test/one-step.js';
import { randomParameters } from '../../test/small-network.js';
import { evaluationBatches } from '../datasets/batches.js';
import { lowerBranch } from '../export/lower.js';
import { runReference } from '../export/run-reference.js';
import { deployedState, exactSteps } from '../network/deployed.js';
import { networkParameters } from '../network/parameters.js';
import { writeCheckpoint } from '../run/checkpoint.js';
import { resolveConfig } from '../run/config.js';
import { createRun, networkOf, runFile } from '../run/run-directory.js';
import { forward } from '../train/forward.js';
import { withEngine } from '../train/with-engine.js';
import { withEvaluator } from '../train/with-evaluator.js';
import { openTrained } from './open-trained.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-trained-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const KERNEL = 'branch.fc2.kernel';
const IMAGES = Int32Array.of(0, 1, 2, 3);

describe('a run that is opened', async () => {
  const config = resolveConfig({ width: 0.3 });
  const run = createRun(join(folder, 'run'), config, networkOf(config, [28, 28, 1], 10));
  const trained = randomParameters(run.network, 1);
  const progress = { epoch: 1, step: 0, totalSteps: 1, fullLoss: 0, branchLoss: 0, fullHits: 0, branchHits: 0 };
  writeCheckpoint(runFile(run, 'checkpoint'), { progress, state: trained });
  const { state, dataset, evaluate, answers } = await openTrained(run.path, undefined);
  const logitsWith = async (parameters: typeof state) =>
    (await withEvaluator(config, run.network, parameters, dataset, (of) => of(dataset.test, IMAGES))).branches[0];

  it('has the parameters of its checkpoint, the last kernel of the branch in steps', () => {
    expect(exactSteps(trained[KERNEL].values, 10)).toBeUndefined();
    for (const [name, { values }] of Object.entries(deployedState(run.network, trained))) {
      expectEqual(state[name].values, values);
    }
  });

  it('is evaluated as it is deployed, not as it was trained', async () => {
    const { branches } = await evaluate((of) => of(dataset.test, IMAGES));
    expectEqual(branches[0], await logitsWith(deployedState(run.network, trained)));
    expect(branches[0]).not.toEqual(await logitsWith(trained));
  });

  it('is exported as it is evaluated', async () => {
    const program = lowerBranch(run.network, state);
    expect(program.constants[KERNEL].kind).toBe('i8');
    const { full, branches } = await evaluate((of) => of(dataset.test, IMAGES));
    const { value: batch } = await evaluationBatches(dataset, dataset.test, IMAGES.length, IMAGES).next();
    await answers(async (answer) => {
      for (const i of IMAGES.keys()) {
        const image = batch.images.subarray(784 * i, 784 * (i + 1));
        const found = await answer(image);
        expectClose(found.full, full.subarray(10 * i, 10 * (i + 1)), 1e-5, 'full');
        expectClose(found.branches[0], branches[0].subarray(10 * i, 10 * (i + 1)), 1e-5, 'branch');
        expectClose(runReference(program, image).logits, found.branches[0], 1e-5, 'device program');
      }
    });
  });
});

describe('a run with shared layers in 8 bits', async () => {
  const config = resolveConfig({
    network: 'mobilenet-v2',
    width: 0.1,
    attach: 'stage2-1',
    branch: 'conv=0,fc=0',
    sharedBits: 8,
  });
  const run = createRun(join(folder, 'levels'), config, networkOf(config, [28, 28, 1], 10));
  const progress = { epoch: 1, step: 0, totalSteps: 1, fullLoss: 0, branchLoss: 0, fullHits: 0, branchHits: 0 };
  const write = (seed: number) =>
    writeCheckpoint(runFile(run, 'checkpoint'), { progress, state: randomParameters(run.network, seed) });
  const rangesOf = () => readFileSync(runFile(run, 'ranges'), 'utf8');
  write(1);
  const opened = await openTrained(run.path, undefined);

  it('is evaluated to the bit as its device program computes', async () => {
    const { network } = opened.run;
    const program = lowerBranch(network, opened.state);
    expect(program.calls.map(({ kernel }) => kernel)).toContain('depthwise_conv2d_levels');
    const { value: batch } = await evaluationBatches(opened.dataset, opened.dataset.test, 4, IMAGES).next();
    const names = networkParameters(network).map(({ name }) => name);
    const shared = await withEngine(config, opened.state, async (engine) => {
      const infer = await engine.compile(
        (inputs) => ({ shared: forward(network, inputs, inputs.images, () => false).shared }),
        names,
        { images: [4, 28, 28, 1] },
      );
      return (await infer({ images: batch.images })).shared;
    });
    const length = shared.length / 4;
    for (const i of IMAGES.keys()) {
      const found = runReference(program, batch.images.subarray(784 * i, 784 * (i + 1))).shared;
      expectEqual(found, shared.subarray(length * i, length * (i + 1)));
    }
  });

  it('keeps the ranges of its activations, and measures them again if the weights change', async () => {
    const before = rangesOf();
    const again = await openTrained(run.path, undefined);
    expect(again.run.network).toEqual(opened.run.network);
    expect(rangesOf()).toBe(before);
    write(2);
    await openTrained(run.path, undefined);
    expect(JSON.parse(rangesOf()).weights).not.toBe(JSON.parse(before).weights);
  });
});
