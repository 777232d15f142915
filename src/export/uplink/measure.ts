import { DATATYPES } from '../../bundle/datatypes.js';
import { tailModel } from '../float-model.js';
import { openTailModel } from '../open-tail-model.js';
import { stagesOf } from '../program.js';
import { type Encoding, encode, type Uplink } from './encoding.js';
import { type UplinkSize, uplinkSizes } from './sizes.js';
import { deviceOf, encodingsOf, type UplinkTrial } from './trial.js';

/** How much of the full network's validation accuracy `auto` may lose compared with float32: 0.05 points. */
const MAX_LOSS = 0.0005;
/** Images in one run of the tail. */
const BATCH = 32;

/** The full network's accuracy on the validation images with one encoding. */
export interface UplinkAccuracy {
  readonly accuracy: number;
  /** Images answered wrong with this encoding but right with float32, and the reverse. */
  readonly worse: number;
  readonly better: number;
}

export interface UplinkReport {
  readonly choice: Uplink;
  /** Number of images on which accuracy was measured; 0 if it wasn't measured. */
  readonly images: number;
  readonly sizes: readonly (UplinkSize & Partial<UplinkAccuracy>)[];
  /** Median size of an image as PNG, in bytes. */
  readonly png: number;
}

/**
 * Chooses what the device sends to the edge. `auto` takes the smallest encoding of the shared layers' output whose accuracy
 * is less than 0.05 points below float32's; the image itself is sent only on request.
 */
export async function measureUplink(
  trial: UplinkTrial,
  requested: Uplink | 'auto',
): Promise<{ encoding: Encoding; report: UplinkReport }> {
  const encodings = await encodingsOf(trial);
  const { uplinks, png } = await uplinkSizes(trial, encodings);
  const sentBytes = ({ bytes, deflated }: UplinkSize) => Math.min(bytes, deflated);
  const rounded = uplinks.filter(({ uplink }) => uplink === 'f16' || uplink === 'u8');
  const tried = rounded
    .sort((a, b) => sentBytes(a) - sentBytes(b))
    .filter(({ uplink }) => requested === 'auto' || requested === uplink);

  const found = new Map<Uplink, UplinkAccuracy>();
  let choice = requested === 'auto' ? 'f32' : requested;
  const floats = tried.length > 0 ? await answersRight(trial, {}) : [];
  if (tried.length > 0) found.set('f32', compare(floats, floats));
  for (const { uplink } of tried) {
    const accuracy = compare(await answersRight(trial, encodings[uplink]), floats);
    found.set(uplink, accuracy);
    if (requested !== 'auto' || (accuracy.worse - accuracy.better) / floats.length >= MAX_LOSS) continue;
    choice = uplink;
    break;
  }
  const sizes = uplinks.map((size) => ({ ...size, ...found.get(size.uplink) }));
  return { encoding: encodings[choice], report: { choice, images: floats.length, sizes, png } };
}

function compare(correct: readonly boolean[], floats: readonly boolean[]): UplinkAccuracy {
  const count = (is: (hit: boolean, i: number) => boolean) => correct.filter(is).length;
  return {
    accuracy: count((hit) => hit) / correct.length,
    worse: count((hit, i) => !hit && floats[i]),
    better: count((hit, i) => hit && !floats[i]),
  };
}

/** Whether the full network answers each image correctly when the device sends this encoding. */
async function answersRight(trial: UplinkTrial, encoding: Encoding): Promise<boolean[]> {
  const { network, state, program } = trial;
  const sharedOf = deviceOf(trial);
  const { shape, length } = stagesOf(program).at(-1)!.shared;
  const tail = await openTailModel(tailModel(network, state, encoding), shape, encoding);
  const batch = new DATATYPES[encoding.datatype ?? 'FP32'].array(BATCH * length);
  const right: boolean[] = [];
  let labels: number[] = [];
  const judge = async (): Promise<void> => {
    const logits = await tail.infer(batch.subarray(0, labels.length * length), labels.length);
    labels.forEach((label, i) => {
      const row = logits.subarray(i * network.classes, (i + 1) * network.classes);
      right.push(row.indexOf(Math.max(...row)) === label);
    });
    labels = [];
  };
  for await (const { image, label } of trial.knownImages()) {
    batch.set(encode(sharedOf(image), encoding), labels.length * length);
    labels.push(label);
    if (labels.length === BATCH) await judge();
  }
  if (labels.length > 0) await judge();
  await tail.close();
  return right;
}
