import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import sharp from 'sharp';
import type { NamedArrays } from '../base/tensors.js';
import { DATATYPES } from '../bundle/datatypes.js';
import type { Manifest } from '../bundle/manifest.js';
import type { JointNetwork } from '../network/layers.js';
import { byteEncoding, channelRanges, type Encoding, encode, imageEncoding, UPLINKS, type Uplink } from './encoding.js';
import { tailModel } from './float-model.js';
import { openTailModel } from './open-tail-model.js';
import { type DeviceProgram, stagesOf } from './program.js';
import { instantiate } from './run-wasm.js';

/** What `auto` may lose of the full network's accuracy on validation images, against float32: 0.05 points. */
const MOST_LOSS = 0.0005;
/** Images in one run of a tail. */
const BATCH = 32;

export interface LabelledImage {
  /** Normalised, NHWC; valid until the next one is read. */
  readonly image: Float32Array;
  readonly label: number;
}

/** What is to be measured. The images are validation images: never the test split's. */
export interface UplinkTrial {
  readonly network: JointNetwork;
  readonly state: NamedArrays;
  /** The device program, which sends what the shared layers give. */
  readonly program: DeviceProgram;
  /** A build of the kernels. */
  readonly wasm: Uint8Array<ArrayBuffer>;
  readonly input: Manifest['input'];
  /** Those that accuracy is measured on. */
  readonly images: () => AsyncIterable<LabelledImage>;
  /** Some of them, which give the channels' ranges and the sizes. */
  readonly few: () => AsyncIterable<LabelledImage>;
}

/** What one request takes in one way of sending. */
export interface UplinkSize {
  readonly uplink: Uplink;
  /** Of the tensor; a request has some 200 bytes of JSON and HTTP's headers besides. */
  readonly bytes: number;
  /** Median behind deflate; what travels is the smaller of the two. */
  readonly deflated: number;
  /** Of the full network on the validation images, where it was measured. */
  readonly accuracy?: number;
  /** Images that it gets wrong and float32 right, and the other way round. */
  readonly worse?: number;
  readonly better?: number;
}

export interface UplinkReport {
  readonly choice: Uplink;
  /** How many images accuracies are of, 0 where none was measured. */
  readonly images: number;
  readonly sizes: readonly UplinkSize[];
  /** Median size of the image as PNG. */
  readonly png: number;
}

/**
 * Finds how the device should send what the edge needs. `auto` takes the smallest encoding of the shared layers' output
 * whose accuracy is less than 0.05 points below float32's; the image is sent only where that is asked for.
 */
export async function measureUplink(
  trial: UplinkTrial,
  asked: Uplink | 'auto',
): Promise<{ encoding: Encoding; report: UplinkReport }> {
  const encodings = await encodingsOf(trial);
  const sizes = await measureSizes(trial, encodings);
  const { png } = sizes;
  const travels = ({ bytes, deflated }: UplinkSize) => Math.min(bytes, deflated);
  const ofShared = sizes.uplinks.filter(({ uplink }) => uplink !== 'image').sort((a, b) => travels(a) - travels(b));

  const right = new Map<Uplink, boolean[]>();
  const measure = async (uplinks: Uplink[]): Promise<void> => {
    const found = await answersRight(
      trial,
      uplinks.map((uplink) => encodings[uplink]),
    );
    uplinks.forEach((uplink, i) => {
      right.set(uplink, found[i]);
    });
  };
  const judged = (size: UplinkSize): UplinkSize => {
    const [own, floats] = [right.get(size.uplink), right.get('f32')];
    if (!own || !floats) return size;
    const count = (is: (hit: boolean, i: number) => boolean) => own.filter(is).length;
    const accuracy = count((hit) => hit) / own.length;
    return {
      ...size,
      accuracy,
      worse: count((hit, i) => !hit && floats[i]),
      better: count((hit, i) => hit && !floats[i]),
    };
  };

  let choice = asked === 'auto' ? 'f32' : asked;
  if (asked === 'f16' || asked === 'u8') await measure(['f32', asked]);
  if (asked === 'auto') {
    for (const size of ofShared) {
      if (size.uplink !== 'f32') await measure(right.size === 0 ? ['f32', size.uplink] : [size.uplink]);
      const { worse = 0, better = 0 } = judged(size);
      if ((worse - better) / Math.max(1, right.get('f32')?.length ?? 0) < MOST_LOSS) {
        choice = size.uplink;
        break;
      }
    }
  }
  const images = right.get('f32')?.length ?? 0;
  return {
    encoding: encodings[choice],
    report: { choice, images, sizes: sizes.uplinks.map(judged), png },
  };
}

/** What the device sends of an image, in float32. */
function deviceOf({ program, wasm }: UplinkTrial): (image: Float32Array) => Float32Array {
  const device = instantiate(program, wasm);
  const last = stagesOf(program).length - 1;
  return (image) => device.run(image, last).shared;
}

async function encodingsOf(trial: UplinkTrial): Promise<Record<Uplink, Encoding>> {
  const sharedOf = deviceOf(trial);
  const { shape } = stagesOf(trial.program).at(-1)!.shared;
  const tensors: Float32Array[] = [];
  for await (const { image } of trial.few()) tensors.push(sharedOf(image));
  const ranges = channelRanges(tensors, shape[shape.length - 1]);
  return { f32: {}, f16: { datatype: 'FP16' }, u8: byteEncoding(ranges), image: imageEncoding(trial.input) };
}

async function measureSizes(
  trial: UplinkTrial,
  encodings: Record<Uplink, Encoding>,
): Promise<{ uplinks: UplinkSize[]; png: number }> {
  const sharedOf = deviceOf(trial);
  const compress = promisify(deflate);
  const [height, width, channels] = trial.input.shape;
  const bytes = Object.fromEntries(UPLINKS.map((uplink) => [uplink, 0])) as Record<Uplink, number>;
  const deflated = Object.fromEntries(UPLINKS.map((uplink) => [uplink, [] as number[]])) as Record<Uplink, number[]>;
  const pngs: number[] = [];
  for await (const { image } of trial.few()) {
    const shared = sharedOf(image);
    for (const uplink of UPLINKS) {
      const sent = encode(uplink === 'image' ? image : shared, encodings[uplink]);
      bytes[uplink] = sent.byteLength;
      deflated[uplink].push((await compress(sent)).length);
      if (uplink !== 'image') continue;
      const raw = { width, height, channels: channels as 1 | 3 };
      pngs.push((await sharp(sent, { raw }).png().toBuffer()).length);
    }
  }
  const uplinks = UPLINKS.map((uplink) => ({ uplink, bytes: bytes[uplink], deflated: median(deflated[uplink]) }));
  return { uplinks, png: median(pngs) };
}

/** Whether the full network is right about each image, for each encoding of what the device sends. */
async function answersRight(trial: UplinkTrial, encodings: readonly Encoding[]): Promise<boolean[][]> {
  const { network, state, program } = trial;
  const sharedOf = deviceOf(trial);
  const { shape } = stagesOf(program).at(-1)!.shared;
  const tails = await Promise.all(
    encodings.map((encoding) => openTailModel(tailModel(network, state, encoding), shape, encoding)),
  );
  const right = encodings.map((): boolean[] => []);
  const judge = async (tensors: Float32Array[], labels: number[]): Promise<void> => {
    for (const [e, encoding] of encodings.entries()) {
      const batch = new DATATYPES[encoding.datatype ?? 'FP32'].array(tensors.length * tensors[0].length);
      tensors.forEach((values, i) => {
        batch.set(encode(values, encoding), i * values.length);
      });
      const logits = await tails[e].infer(batch, tensors.length);
      labels.forEach((label, i) => {
        const row = logits.subarray(i * network.classes, (i + 1) * network.classes);
        right[e].push(row.indexOf(Math.max(...row)) === label);
      });
    }
  };
  let [tensors, labels]: [Float32Array[], number[]] = [[], []];
  for await (const { image, label } of trial.images()) {
    tensors.push(sharedOf(image));
    labels.push(label);
    if (tensors.length < BATCH) continue;
    await judge(tensors, labels);
    [tensors, labels] = [[], []];
  }
  if (tensors.length > 0) await judge(tensors, labels);
  await Promise.all(tails.map((tail) => tail.close()));
  return right;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
