import '@tensorflow/tfjs-backend-cpu';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectClose, oneStep, type StepStart } from '../../../test/one-step.js';
import { randomParameters, smallNetwork } from '../../../test/small-network.js';
import { createNetwork } from '../../network/zoo/index.js';
import { inferenceFunction } from '../step.js';
import { createEagerEngine } from './eager.js';
import { createEngine } from './index.js';
import { createOnnxruntimeEngine } from './onnxruntime.js';

/** A Vulkan device in software, part of Debian's chromium; libvulkan1 finds it through this file. */
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';
const VULKAN = ['x86_64', 'aarch64'].map((cpu) => `/usr/lib/${cpu}-linux-gnu/libvulkan.so.1`);
const absent = [SWIFTSHADER].filter((file) => !existsSync(file)).concat(VULKAN.some(existsSync) ? [] : ['libvulkan1']);

describe.skipIf(absent.length > 0)(`webgpu${absent.length > 0 ? ` (not here: ${absent})` : ''}`, () => {
  beforeAll(() => {
    process.env.VK_ICD_FILENAMES = SWIFTSHADER;
    process.env.XDG_RUNTIME_DIR ??= mkdtempSync(join(tmpdir(), 'lcdnn-xdg-'));
  });

  // The seeds of engines.test.ts, which checks that no value before a sign is near 0.
  it.each<[string, StepStart]>([
    ['a small network', { network: smallNetwork(true), optimizer: 'adam', slots: 'warm', seed: 13 }],
    ['LeNet', { network: createNetwork('lenet', [28, 28, 1], 10), optimizer: 'momentum', slots: 'cold', seed: 5 }],
  ])("one step of %s, all of it on the device, is the oracle's", async (_, start) => {
    const [gpu, oracle] = [await createEngine('onnxruntime', 'webgpu'), createEagerEngine('cpu', 'cpu')];
    const [ours, truth] = [await oneStep(gpu, start), await oneStep(oracle, start)];
    expect(Object.keys(ours.state)).toEqual(Object.keys(truth.state));
    for (const [name, values] of Object.entries(truth.observed)) {
      expectClose(ours.observed[name], values, 1e-3, name);
    }
    for (const [name, { values }] of Object.entries(truth.state)) {
      expectClose(ours.state[name].values, values, 1e-3, name);
    }
    await Promise.all([gpu.dispose(), oracle.dispose()]);
  });

  it('state goes to the device, from step to step, to another function and back', async () => {
    const engine = await createEngine('onnxruntime', 'webgpu');
    const array = (...values: number[]) => ({ shape: [values.length], values: Float32Array.from(values) });
    engine.setState({ a: array(1, 2), b: array(5) });
    const count = await engine.compile(({ a, by }) => ({ a: tf.add(a, by), sum: tf.sum(a) }), ['a'], { by: [] });
    const double = await engine.compile(({ a, b }) => ({ twice: tf.add(tf.mul(a, 2), b) }), ['a', 'b'], {});
    for (let step = 0; step < 3; step++) {
      expect([...(await count({ by: Float32Array.of(10) })).sum]).toEqual([3 + 20 * step]);
      expect([...(await double({})).twice]).toEqual([27 + 20 * step, 29 + 20 * step]);
      expect(await engine.getState()).toEqual({ a: array(11 + 10 * step, 12 + 10 * step), b: array(5) });
    }
    engine.setState({ a: array(7, 8), b: array(1) });
    expect([...(await double({})).twice]).toEqual([15, 17]);
    await engine.dispose();
  });

  it('answers as the CPU does', async () => {
    const network = smallNetwork(true);
    const state = randomParameters(network, 3);
    const images = Float32Array.from({ length: 2 * 9 * 8 * 2 }, (_, i) => Math.sin(i));
    const [cpu, gpu] = await Promise.all(
      [createOnnxruntimeEngine(), await createEngine('onnxruntime', 'webgpu')].map(async (engine) => {
        engine.setState(state);
        const infer = await engine.compile(inferenceFunction(network), Object.keys(state), { images: [2, 9, 8, 2] });
        const answer = await infer({ images });
        await engine.dispose();
        return answer;
      }),
    );
    for (const [name, values] of Object.entries(cpu)) expectClose(gpu[name], values, 1e-4, name);
  });
});

it('a device that does not start says what it needs', async () => {
  await expect(createEngine('onnxruntime', 'cuda')).rejects.toThrow(
    /^device cuda: expected NVIDIA's driver, CUDA 12 .*npm rebuild.*, found: .+; install what is missing, or use --device cpu$/,
  );
});
