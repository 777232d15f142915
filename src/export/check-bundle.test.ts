import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { floats } from '../../kernels/test-values.js';
import { randomParameters, severalExits, smallNetwork } from '../../test/small-network.js';
import { TINY_ZOO } from '../../test/zoo.js';
import { zooDraft } from '../../test/zoo-bundle.js';
import { random } from '../base/random.js';
import { importLoader } from '../bundle/import-loader.js';
import { readBundle } from '../bundle/read-bundle.js';
import { writeBundle } from '../bundle/write-bundle.js';
import { openTail } from '../edge/tail.js';
import { deployedState } from '../network/deployed.js';
import { networkParameters } from '../network/parameters.js';
import { featuresOf } from '../network/shapes.js';
import { createOnnxruntimeEngine } from '../train/engines/onnxruntime.js';
import { inferenceFunction } from '../train/step.js';
import { type BundleEnds, checkBundle, type Expected } from './check-bundle.js';
import { lowerBranch } from './lower.js';
import type { DeviceProgram } from './program.js';
import { runReference } from './run-reference.js';

const network = smallNetwork(false);
const program = lowerBranch(network, randomParameters(network, 13));
const pixels = featuresOf(network.input);
const { classes } = network;

/** A tail of any kind: the first values of what it is sent. */
const tail = async (shared: Float32Array): Promise<Float32Array> => shared.slice(0, classes);
const right: BundleEnds = { branch: (image, exit) => runReference(program, image, exit), tail };

const imagesOf = (count: number): Float32Array => floats(random(5), count * pixels);

/** What a trainer that gives the answers of `truth` expects. */
async function expectedOf(images: Float32Array, truth: BundleEnds = right): Promise<Expected> {
  const count = images.length / pixels;
  const branch = new Float32Array(count * classes);
  const full = new Float32Array(count * classes);
  for (let i = 0; i < count; i++) {
    const { logits, shared } = truth.branch(images.subarray(i * pixels, (i + 1) * pixels), 0);
    branch.set(logits, i * classes);
    full.set(await truth.tail(shared), i * classes);
  }
  return { count, images, branches: [branch], full };
}

/** The program with the first value of one of its float constants changed. */
function withFirst(name: string, change: (value: number) => number): DeviceProgram {
  const constant = program.constants[name];
  if (constant?.kind !== 'f32') throw new Error(`no float constant ${name}`);
  const values = constant.values.slice();
  values[0] = change(values[0]);
  return { ...program, constants: { ...program.constants, [name]: { kind: 'f32', values } } };
}

/** The program with the threshold of the last sign's first channel `distance` (relative) below a value of an image. */
function thresholdBelow(image: Float32Array, distance: number): DeviceProgram {
  const { args } = program.calls.findLast(({ kernel }) => kernel === 'sign_pack')!;
  const [x, scale, shift] = args as [{ arena: number }, { constant: string }, { constant: string }];
  const scales = program.constants[scale.constant];
  if (scales.kind !== 'f32') throw new Error('expected a float scale');
  let term = Number.NaN;
  runReference(program, image, 0, (call, arena) => {
    if (call.args === args) term = new Float32Array(arena, x.arena, 1)[0] * scales.values[0];
  });
  return withFirst(shift.constant, () => -term + Math.abs(term) * distance);
}

const running = (changed: DeviceProgram): BundleEnds => ({ ...right, branch: (image) => runReference(changed, image) });

describe('the check of a finished bundle', () => {
  it('accepts the trainer itself, and says how many images it saw', async () => {
    const result = await checkBundle(program, right, await expectedOf(imagesOf(8)));
    expect(result).toEqual({ images: 8, largestBranchError: 0, largestFullError: 0, flipped: 0 });
  });

  const nothing = new Float32Array(classes).fill(Number.NaN);
  it.each<[string, BundleEnds, RegExp]>([
    ['a tail that is off', { ...right, tail: async (x) => (await tail(x)).map((v) => v * 1.01) }, /conv1 and the tail/],
    ['a tail that gives NaN', { ...right, tail: async () => nothing }, /conv1 and the tail .* by NaN/],
    ['a branch that is off', running(withFirst('branch.fc2.bias', (bias) => bias + 0.01)), /the branch .* image 0/],
    ['a branch that gives NaN', running(withFirst('branch.fc2.bias', () => Number.NaN)), /the branch .* by NaN/],
  ])('refuses %s', async (_, wrong, reason) => {
    await expect(checkBundle(program, wrong, await expectedOf(imagesOf(8)))).rejects.toThrow(reason);
  });

  const images = imagesOf(8);
  const first = images.subarray(0, pixels);

  it('counts an image whose sign rounds to the other side', async () => {
    const [above, below] = [thresholdBelow(first, 1e-6), thresholdBelow(first, -1e-6)];
    const truth = await expectedOf(first, running(above));
    expect(await checkBundle(above, running(above), truth)).toMatchObject({ flipped: 0 });
    expect(await checkBundle(below, running(below), truth)).toMatchObject({ flipped: 1, largestBranchError: 0 });
  });

  it('refuses signs that differ by more than rounding', async () => {
    const [above, below] = [thresholdBelow(first, 1e-4), thresholdBelow(first, -1e-4)];
    const truth = await expectedOf(images, running(above));
    await expect(checkBundle(below, running(below), truth)).rejects.toThrow(/the branch .* image 0/);
  });

  it('refuses an answer that no rounded sign explains, however close a value is to its threshold', async () => {
    const close = thresholdBelow(first, 1e-6);
    const truth = await expectedOf(images, running(close));
    truth.branches[0][0] += 0.01;
    await expect(checkBundle(close, running(close), truth)).rejects.toThrow(/the branch .* image 0/);
  });

  it('refuses too many rounded signs', async () => {
    const [above, below] = [thresholdBelow(first, 1e-6), thresholdBelow(first, -1e-6)];
    const same = Float32Array.from({ length: images.length }, (_, i) => first[i % pixels]);
    const truth = await expectedOf(same, running(above));
    await expect(checkBundle(below, running(below), truth)).rejects.toThrow(/on 8 of 8 images; expected at most 1/);
  });
});

describe('the check of a bundle with several exits', () => {
  const several = severalExits(3);
  const stages = lowerBranch(several, randomParameters(several, 13));
  const image = floats(random(6), featuresOf(several.input));
  const ends: BundleEnds = { branch: (given, exit) => runReference(stages, given, exit), tail };
  const expected: Expected = {
    count: 1,
    images: image,
    branches: [0, 1, 2].map((exit) => runReference(stages, image, exit).logits),
    full: runReference(stages, image, 2).shared.slice(0, several.classes),
  };

  it('compares every exit, and the last shared output', async () => {
    expect(await checkBundle(stages, ends, expected)).toMatchObject({ images: 1, flipped: 0 });
  });

  it.each([1, 2, 3])('names exit %d where it is off', async (exit) => {
    const branches = expected.branches.map((logits, i) => logits.map((logit) => logit + (i === exit - 1 ? 0.01 : 0)));
    await expect(checkBundle(stages, ends, { ...expected, branches })).rejects.toThrow(`the branch of exit ${exit} of`);
  });
});

describe('the check of the bundle of every network of the zoo', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lcdnn-check-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const COUNT = 4;

  it.each(TINY_ZOO)('%s: passes, and not with another tail or branch', async (title, network) => {
    const state = deployedState(network, randomParameters(network, 1));
    const images = floats(random(7), COUNT * featuresOf(network.input));
    const engine = createOnnxruntimeEngine({ threads: 1 });
    engine.setState(state);
    const names = networkParameters(network).map(({ name }) => name);
    const infer = await engine.compile(inferenceFunction(network), names, { images: [COUNT, ...network.input] });
    const { full, branch } = await infer({ images });
    await engine.dispose();

    const path = join(folder, title.replaceAll(/\W+/g, '-'));
    await writeBundle(path, zooDraft(network, state, 0.5));
    const bundle = readBundle(path);
    const { load } = await importLoader(path, bundle.manifest);
    const model = await load(pathToFileURL(`${path}/`), { edge: false });
    const tail = await openTail(bundle);
    const ends: BundleEnds = {
      branch: (image, exit) => model.branch(image, exit + 1),
      tail: (shared) => tail.infer(shared, 1),
    };
    const program = lowerBranch(network, state);
    const check = (logits: { full: Float32Array; branch: Float32Array }) =>
      checkBundle(program, ends, { count: COUNT, images, branches: [logits.branch], full: logits.full });
    expect(await check({ full, branch })).toMatchObject({ images: COUNT });
    const off = (logits: Float32Array) => logits.map((logit) => logit * 1.01);
    await expect(check({ full: off(full), branch })).rejects.toThrow('conv1 and the tail');
    await expect(check({ full, branch: off(branch) })).rejects.toThrow('the branch');
    await tail.close();
  });
});
