import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { floats } from '../../kernels/test-values.js';
import { randomParameters, severalExits, smallNetwork } from '../../test/small-network.js';
import { largest } from '../../test/tiny-bundle.js';
import { TINY_ZOO } from '../../test/zoo.js';
import { zooDraft, zooEncoding } from '../../test/zoo-bundle.js';
import { random } from '../base/random.js';
import { writeBundle } from '../bundle/write-bundle.js';
import { deployedState } from '../network/deployed.js';
import type { JointNetwork } from '../network/layers.js';
import { featuresOf } from '../network/shapes.js';
import { createAnswers } from '../train/answers.js';
import { createOnnxruntimeEngine } from '../train/engines/onnxruntime.js';
import { checkBundle, type Expected, type LoaderAndTails } from './check-bundle.js';
import { tailModel } from './float-model.js';
import { lowerBranch } from './lower.js';
import { openLoaderAndTails } from './open-loader-and-tails.js';
import { type DeviceProgram, type KernelCall, type Pointer, stagesOf } from './program.js';
import { instantiate } from './run-wasm.js';
import { decode, encode, type Uplink } from './uplink/encoding.js';

const network = smallNetwork(false);
const program = lowerBranch(network, randomParameters(network, 13));
const pixels = featuresOf(network.input);
const { classes } = network;
const wasm = new Uint8Array(readFileSync(new URL('../../kernels/prebuilt/lcdnn-simd.wasm', import.meta.url)));

/** A tail of any kind: the first values of what it is sent. */
const tail = async (shared: Float32Array): Promise<Float32Array> => shared.slice(0, classes);
const running = (program: DeviceProgram): LoaderAndTails => {
  const device = instantiate(program, wasm);
  const last = stagesOf(program).length - 1;
  const edge: LoaderAndTails['edge'] = async (image) => {
    const sent = device.run(image, last).shared;
    return { sent, logits: await tail(sent) };
  };
  return { branch: (image, exit) => device.run(image, exit), edge, floatTail: tail };
};
const right = running(program);

const next = random(5);
const imagesOf = (count: number): Float32Array[] => Array.from({ length: count }, () => floats(next, pixels));

/** A trainer whose network is that program. */
function trainerOf(truth: DeviceProgram): (image: Float32Array) => Promise<Expected> {
  const device = instantiate(truth, wasm);
  const last = stagesOf(truth).length - 1;
  return async (image) => {
    const signed: Float32Array[] = [];
    const { shared } = device.run(image, last, (call, arena) => {
      if (call.kernel === 'sign_pack') signed.push(beforeSign(truth, call, arena));
    });
    const branches = stagesOf(truth).map((_, exit) => device.run(image, exit).logits);
    return { full: await tail(shared), branches, signed };
  };
}

/** x * scale + shift of a `sign_pack`, in the program's rounding. */
function beforeSign(program: DeviceProgram, { args }: KernelCall, arena: Uint8Array): Float32Array {
  const [x, scale, shift, , count, channels] = args as [{ arena: number }, Pointer, Pointer, unknown, number, number];
  const of = (pointer: Pointer, otherwise: number) => (i: number) => {
    const constant = pointer && 'constant' in pointer ? program.constants[pointer.constant] : undefined;
    return constant?.kind === 'f32' ? constant.values[i % channels] : otherwise;
  };
  const [scaleOf, shiftOf] = [of(scale, 1), of(shift, 0)];
  return new Float32Array(arena.buffer, arena.byteOffset + x.arena, count).map(
    (value, i) => Math.fround(value * scaleOf(i)) + shiftOf(i),
  );
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
  const [, , shift] = args as [{ arena: number }, { constant: string }, { constant: string }];
  const constant = program.constants[shift.constant];
  if (constant?.kind !== 'f32') throw new Error('expected a float shift');
  let term = Number.NaN;
  instantiate(program, wasm).run(image, 0, (call, arena) => {
    if (call.args === args) term = beforeSign(program, call, arena)[0] - constant.values[0];
  });
  return withFirst(shift.constant, () => -term + Math.abs(term) * distance);
}

describe('the check of a finished bundle', () => {
  const check = (changed: DeviceProgram, images = imagesOf(8), truth = trainerOf(program)) =>
    checkBundle(changed, wasm, running(changed), images, truth);

  it('accepts the trainer itself, and says how many images it saw', async () => {
    expect(await check(program)).toEqual({
      ...{ images: 8, largestBranchError: 0, largestFullError: 0, largestEncodedError: 0, largestSignedError: 0 },
      ...{ rounded: 0, otherClass: 0, memoryBytes: instantiate(program, wasm).memoryBytes },
    });
  });

  const nothing = new Float32Array(classes).fill(Number.NaN);
  const off = (logits: Float32Array) => logits.map((logit) => logit * 1.01);
  const edged = (change: (found: Awaited<ReturnType<LoaderAndTails['edge']>>) => typeof found): LoaderAndTails => ({
    ...right,
    edge: async (image) => change(await right.edge(image)),
  });
  it.each<[string, LoaderAndTails, RegExp]>([
    ['shared layers that are off', { ...right, floatTail: async (x) => off(await tail(x)) }, /conv1 and the tail/],
    ['shared layers that give NaN', { ...right, floatTail: async () => nothing }, /conv1 and the tail .* by NaN/],
    [
      'a tail that is off',
      edged(({ logits, ...rest }) => ({ ...rest, logits: off(logits) })),
      /the tail, given what it/,
    ],
    ['a tail that gives NaN', edged((found) => ({ ...found, logits: nothing })), /the tail, given .* by NaN/],
    [
      'a device that sends another value',
      edged(({ sent, logits }) => ({ sent: sent.with(2, 1e-30), logits })),
      /sends to the edge is not the encoding .* on check image 0/,
    ],
    [
      'a device that sends too little',
      edged(({ sent, logits }) => ({ sent: sent.subarray(1), logits })),
      /sends to the edge is not the encoding/,
    ],
    [
      'a branch that is not its program, by the last bit',
      running(withFirst('branch.fc2.bias', (bias) => bias * (1 + 2 ** -22))),
      /the branch .* other logits than its device program on check image 0/,
    ],
  ])('refuses %s', async (_, wrong, reason) => {
    await expect(checkBundle(program, wasm, wrong, imagesOf(8), trainerOf(program))).rejects.toThrow(reason);
  });

  it.each<[string, (bias: number) => number, RegExp]>([
    ['is off', (bias) => bias + 0.01, /the branch .* image 0/],
    ['gives NaN', () => Number.NaN, /the branch .* by NaN/],
  ])('refuses a program that %s', async (_, change, reason) => {
    await expect(check(withFirst('branch.fc2.bias', change))).rejects.toThrow(reason);
  });

  const images = imagesOf(8);

  it('counts an image whose sign rounds to the other side, whatever follows from it', async () => {
    const [above, below] = [thresholdBelow(images[0], 1e-6), thresholdBelow(images[0], -1e-6)];
    const [one, other] = [above, below].map((changed) => instantiate(changed, wasm).run(images[0]).logits);
    expect(one).not.toEqual(other);
    const found = await check(below, images.slice(0, 1), trainerOf(above));
    expect(found).toMatchObject({ images: 1, rounded: 1, largestBranchError: 0 });
    expect(found.otherClass).toBe(largest(one) === largest(other) ? 0 : 1);
    expect(await check(above, images.slice(0, 1), trainerOf(above))).toMatchObject({ rounded: 0 });
  });

  it('refuses values before a sign that differ by more than rounding', async () => {
    const [above, below] = [thresholdBelow(images[0], 0.01), thresholdBelow(images[0], -0.01)];
    await expect(check(below, images, trainerOf(above))).rejects.toThrow(/the branch .* image 0/);
  });

  it('refuses values before a sign that are off although no sign turns', async () => {
    const trainer = trainerOf(program);
    const off = async (image: Float32Array) => {
      const answer = await trainer(image);
      return { ...answer, signed: answer.signed.map((values) => values.map((value) => value * 1.01)) };
    };
    await expect(check(program, images, off)).rejects.toThrow(/the branch .* image 0/);
  });
});

describe('the check of a bundle with several exits', () => {
  const several = severalExits(3);
  const stages = lowerBranch(several, randomParameters(several, 13));
  const images = [floats(random(6), featuresOf(several.input))];

  it('compares every exit, and the last shared output', async () => {
    const found = await checkBundle(stages, wasm, running(stages), images, trainerOf(stages));
    expect(found).toMatchObject({ images: 1, rounded: 0 });
  });

  it.each([1, 2, 3])('names exit %d where it is off', async (exit) => {
    const trainer = trainerOf(stages);
    const off = async (image: Float32Array) => {
      const { branches, ...answer } = await trainer(image);
      return {
        ...answer,
        branches: branches.map((logits, i) => logits.map((logit) => logit + (i === exit - 1 ? 0.01 : 0))),
      };
    };
    const check = checkBundle(stages, wasm, running(stages), images, off);
    await expect(check).rejects.toThrow(`the branch of exit ${exit} of`);
  });
});

describe('the check of the bundle of every network of the zoo', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lcdnn-check-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const COUNT = 4;

  const encoded = TINY_ZOO.filter(([title]) => /LeNet|AlexNet, C|ResNet18, I/.test(title)).flatMap(([title, network]) =>
    (['f16', 'u8', 'image'] as const).map((uplink) => [title, uplink, network] as const),
  );

  it.each<readonly [string, Uplink, JointNetwork]>([
    ...TINY_ZOO.map(([title, network]) => [title, 'f32', network] as const),
    ...encoded,
  ])('%s, sending %s: passes, and not with another tail or branch', async (title, uplink, network) => {
    const state = deployedState(network, randomParameters(network, 1));
    const encoding = zooEncoding(network, state, uplink);
    const values = random(7);
    const images = Array.from({ length: COUNT }, () => floats(values, featuresOf(network.input)));
    // Pixels lose what lies between two of them.
    if (uplink === 'image') for (const image of images) image.set(decode(encode(image, encoding), encoding));
    const engine = createOnnxruntimeEngine({ threads: 1 });
    engine.setState(state);
    const trainer = await createAnswers(engine, network);

    const path = join(folder, `${title.replaceAll(/\W+/g, '-')}-${uplink}`);
    await writeBundle(path, zooDraft(network, state, 0.5, encoding));
    const { bundle, close } = await openLoaderAndTails(path, tailModel(network, state, { from: encoding.from }));
    const program = lowerBranch(network, state, encoding.from);
    const check = (change: (answer: Expected) => Partial<Expected>, own = bundle, said = encoding) =>
      checkBundle(
        program,
        wasm,
        own,
        images,
        async (image) => {
          const answer = await trainer(image);
          return { ...answer, ...change(answer) };
        },
        said,
      );
    const found = await check(() => ({}));
    expect(found).toMatchObject({ images: COUNT });
    expect(found.largestEncodedError).toBeLessThan({ f32: 1e-4, f16: 1e-3, u8: 0.1, image: 1e-4 }[uplink]);
    const off = (logits: Float32Array) => logits.map((logit) => logit * 1.01);
    await expect(check(({ full }) => ({ full: off(full) }))).rejects.toThrow('conv1 and the tail');
    await expect(check(({ branches }) => ({ branches: branches.map(off) }))).rejects.toThrow('the branch');
    const { scale } = encoding;
    if (scale) {
      const other = { ...encoding, scale: scale.map((value) => value * 1.1) };
      await expect(check(() => ({}), bundle, other)).rejects.toThrow('sends to the edge is not the encoding');
    }
    await engine.dispose();
    await close();
  });
});
