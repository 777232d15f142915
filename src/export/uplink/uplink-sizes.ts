import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import sharp from 'sharp';
import { median } from '../../base/statistics.js';
import { type Encoding, encode, UPLINKS, type Uplink } from './encoding.js';
import { deviceOf, type UplinkTrial } from './uplink-trial.js';

/** What one request takes in one way of sending. */
export interface UplinkSize {
  readonly uplink: Uplink;
  /** Of the tensor; a request has some 200 bytes of JSON and HTTP's headers besides. */
  readonly bytes: number;
  /** Median behind deflate; what travels is the smaller of the two. */
  readonly deflated: number;
}

/** The size of every way to send, and the median size of the images as PNG. */
export async function uplinkSizes(
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
