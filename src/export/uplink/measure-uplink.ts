import { DATATYPES } from '../../bundle/datatypes.js';
import { tailModel } from '../float-model.js';
import { openTailModel } from '../open-tail-model.js';
import { stagesOf } from '../program.js';
import { type Encoding, encode, type Uplink } from './encoding.js';
import { type UplinkSize, uplinkSizes } from './uplink-sizes.js';
import { deviceOf, encodingsOf, type UplinkTrial } from './uplink-trial.js';

/** What `auto` may lose of the full network's accuracy on validation images, against float32: 0.05 points. */
const MOST_LOSS = 0.0005;
/** Images in one run of a tail. */
const BATCH = 32;

/** The full network on the validation images, given what is sent. */
export interface UplinkAccuracy {
  readonly accuracy: number;
  /** Images that it gets wrong and, given float32, right; and the other way round. */
  readonly worse: number;
  readonly better: number;
}

export interface UplinkReport {
  readonly choice: Uplink;
  /** How many images accuracies are of, 0 where none was measured. */
  readonly images: number;
  readonly sizes: readonly (UplinkSize & Partial<UplinkAccuracy>)[];
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
  const { uplinks, png } = await uplinkSizes(trial, encodings);
  const travels = ({ bytes, deflated }: UplinkSize) => Math.min(bytes, deflated);
  const rounded = uplinks.filter(({ uplink }) => uplink === 'f16' || uplink === 'u8');
  const tried = rounded
    .sort((a, b) => travels(a) - travels(b))
    .filter(({ uplink }) => asked === 'auto' || asked === uplink);

  const found = new Map<Uplink, UplinkAccuracy>();
  let choice = asked === 'auto' ? 'f32' : asked;
  const floats = tried.length > 0 ? await answersRight(trial, {}) : [];
  if (tried.length > 0) found.set('f32', compare(floats, floats));
  for (const { uplink } of tried) {
    const accuracy = compare(await answersRight(trial, encodings[uplink]), floats);
    found.set(uplink, accuracy);
    if (asked !== 'auto' || (accuracy.worse - accuracy.better) / floats.length >= MOST_LOSS) continue;
    choice = uplink;
    break;
  }
  const sizes = uplinks.map((size) => ({ ...size, ...found.get(size.uplink) }));
  return { encoding: encodings[choice], report: { choice, images: floats.length, sizes, png } };
}

function compare(own: readonly boolean[], floats: readonly boolean[]): UplinkAccuracy {
  const count = (is: (hit: boolean, i: number) => boolean) => own.filter(is).length;
  return {
    accuracy: count((hit) => hit) / own.length,
    worse: count((hit, i) => !hit && floats[i]),
    better: count((hit, i) => hit && !floats[i]),
  };
}

/** Whether the full network is right about each image, given what the device sends in this encoding. */
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
  for await (const { image, label } of trial.images()) {
    batch.set(encode(sharedOf(image), encoding), labels.length * length);
    labels.push(label);
    if (labels.length === BATCH) await judge();
  }
  if (labels.length > 0) await judge();
  await tail.close();
  return right;
}
