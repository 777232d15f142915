import type { NamedArrays } from '../../base/tensors.js';
import type { Manifest } from '../../bundle/manifest.js';
import type { JointNetwork } from '../../network/layers.js';
import { type DeviceProgram, stagesOf } from '../program.js';
import { instantiate } from '../run-wasm.js';
import { byteEncoding, channelRanges, type Encoding, imageEncoding, type Uplink } from './encoding.js';

export interface LabelledImage {
  /** Normalised, NHWC; valid until the next one is read. */
  readonly image: Float32Array;
  readonly label: number;
}

/** What `measureUplink` measures on. The images come from the validation split, never from the test split. */
export interface UplinkTrial {
  readonly network: JointNetwork;
  readonly state: NamedArrays;
  /** The device program, which sends the output of the shared layers. */
  readonly program: DeviceProgram;
  /** A build of the kernels. */
  readonly wasm: Uint8Array<ArrayBuffer>;
  readonly input: Manifest['input'];
  /** For accuracy: images that τ was tuned on. */
  readonly knownImages: () => AsyncIterable<LabelledImage>;
  /** A few of them, for the ranges of the channels and for sizes. */
  readonly sampleImages: () => AsyncIterable<LabelledImage>;
}

/** Runs the device: from an image to the values that it sends, in float32. */
export function deviceOf({ program, wasm }: UplinkTrial): (image: Float32Array) => Float32Array {
  const device = instantiate(program, wasm);
  const last = stagesOf(program).length - 1;
  return (image) => device.run(image, last).shared;
}

/** Every encoding for this network, with ranges from the sample images. */
export async function encodingsOf(trial: UplinkTrial): Promise<Record<Uplink, Encoding>> {
  const sharedOf = deviceOf(trial);
  const { shape } = stagesOf(trial.program).at(-1)!.shared;
  const tensors: Float32Array[] = [];
  for await (const { image } of trial.sampleImages()) tensors.push(sharedOf(image));
  const ranges = channelRanges(tensors, shape[shape.length - 1]);
  return { f32: {}, f16: { datatype: 'FP16' }, u8: byteEncoding(ranges), image: imageEncoding(trial.input) };
}
