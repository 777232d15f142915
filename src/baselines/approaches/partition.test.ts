import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, it } from 'vitest';
import { randomParameters } from '../../../test/small-network.js';
import { random } from '../../base/random.js';
import { TAIL_INPUT, TAIL_OUTPUT } from '../../export/float-model.js';
import { encode } from '../../export/uplink/encoding.js';
import { createNetwork } from '../../network/zoo/index.js';
import { type Baseline, baselineFiles, baselineModule, readBaseline } from './baseline.js';
import { partitioned, type TrainedNetwork } from './partition.js';
import { chainOf, segmentsOf } from './segments.js';

const network = createNetwork('lenet', [16, 16, 1], 5, { width: 0.2 });
const TRAINED: TrainedNetwork = {
  network,
  state: randomParameters(network, 1),
  normalisation: { mean: [0.3], std: [0.25] },
};
const SEGMENTS = segmentsOf(chainOf(network));
/** An image of pixels, normalised. */
const next = random(3);
const IMAGE = Float32Array.from({ length: 256 }, () => (Math.floor(256 * next()) / 255 - 0.3) / 0.25);

async function run(
  model: Uint8Array,
  values: Float32Array | Uint8Array,
  shape: readonly number[],
): Promise<Float32Array> {
  const session = await InferenceSession.create(model);
  const type = values instanceof Uint8Array ? 'uint8' : 'float32';
  const found = await session.run({ [TAIL_INPUT]: new Tensor(type, values, [1, ...shape]) });
  await session.release();
  return found[TAIL_OUTPUT].data as Float32Array;
}

/** The result of running both parts on the image, one after the other. */
async function answer({ facts, device, edge }: Baseline): Promise<Float32Array> {
  let x: Float32Array = IMAGE;
  if (device && facts.device!.place === 'before') x = await run(device, x, facts.device!.input);
  if (edge) x = await run(edge, encode(x, facts.edge!) as Float32Array | Uint8Array, facts.edge!.input);
  if (device && facts.device!.place === 'after') x = await run(device, x, facts.device!.input);
  return x;
}

it.each([
  'device',
  'edge',
] as const)('gives what the whole network gives, wherever it is cut, if the %s begins', async (begins) => {
  const whole = await answer(
    partitioned('whole', TRAINED, { segments: SEGMENTS, cut: SEGMENTS.length, begins: 'device' }),
  );
  for (let cut = 0; cut <= SEGMENTS.length; cut++) {
    const baseline = partitioned('cut', TRAINED, { segments: SEGMENTS, cut, begins });
    const logits = await answer(baseline);
    expect(logits.length).toBe(5);
    logits.forEach((logit, i) => {
      expect(logit, baseline.facts.plan).toBeCloseTo(whole[i], 4);
    });
  }
});

it('is read as it was written, and names what is wrong', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lcdnn-baseline-'));
  try {
    const baseline = partitioned('edgent', TRAINED, { segments: SEGMENTS, cut: 2, begins: 'edge' });
    expect(baseline.facts.plan).toBe('edge to conv2, device the rest');
    for (const [file, bytes] of baselineFiles(baseline)) writeFileSync(join(folder, file), bytes);
    const read = readBaseline(folder);
    expect(read.facts).toEqual(baseline.facts);
    expect(Buffer.compare(read.edge!, baseline.edge!)).toBe(0);
    rmSync(join(folder, 'device.onnx'));
    expect(() => readBaseline(folder)).toThrow(/device\.onnx: expected a model of the baseline/);
    writeFileSync(join(folder, 'baseline.json'), JSON.stringify({ ...baseline.facts, classes: -1 }));
    expect(() => readBaseline(folder)).toThrow('expected what "lcdnn baseline plan" writes, found -1 at classes');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('has its plan in the module of its page', () => {
  const baseline = partitioned('edge-only', TRAINED, { segments: SEGMENTS, cut: 0, begins: 'device' });
  const module = baselineModule(baseline, 'model', { input: TAIL_INPUT, output: TAIL_OUTPUT });
  const [, plan] = /const PLAN = (.*);/.exec(module)!;
  expect(JSON.parse(plan)).toMatchObject({ edge: { model: 'model', shape: [16, 16, 1], datatype: 'UINT8' } });
  expect(JSON.parse(plan).device).toBeUndefined();
});
