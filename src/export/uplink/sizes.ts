import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import sharp from 'sharp';
import { median } from '../../base/statistics.js';
import { type Encoding, encode, UPLINKS, type Uplink } from './encoding.js';
import { deviceOf, type UplinkTrial } from './trial.js';

/** The size of one request in one encoding. */
export interface UplinkSize {
  readonly uplink: Uplink;
  /** Size of the tensor. A request also has about 200 bytes of JSON and its HTTP headers. */
  readonly bytes: number;
  /** Median size after deflate. The smaller of the two is sent. */
  readonly deflated: number;
}

/** Request sizes of every encoding, and the median size of the images as PNG. */
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
  for await (const { image } of trial.sampleImages()) {
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
