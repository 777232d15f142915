import type { Random } from '../../base/random.js';

/** Factors of an image's colours; 1 changes nothing. */
export interface Jitter {
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
}

/** Factors from 1 - strength to 1 + strength. Strength in [0, 1]. */
export function drawJitter(next: Random, strength: number): Jitter {
  const factor = (): number => 1 + strength * (2 * next() - 1);
  return { brightness: factor(), contrast: factor(), saturation: factor() };
}

/**
 * Changes brightness (all pixels times a factor), then contrast (differences from the image's mean grey), then
 * saturation (differences from each pixel's own grey), in place, with one rounding at the end (Howard 2013, section 2).
 * Grey is defined as in ITU-R BT.601. Saturation only applies to images with 3 channels.
 *
 * @param image bytes, HWC
 */
export function jitterColours(image: Uint8Array, channels: number, { brightness, contrast, saturation }: Jitter): void {
  const scale = brightness * contrast;
  const offset = brightness * (1 - contrast) * meanGrey(image, channels) + 0.5;
  if (channels !== 3) {
    for (let i = 0; i < image.length; i++) image[i] = byte(scale * image[i] + offset);
    return;
  }
  const own = scale * saturation;
  for (let i = 0; i < image.length; i += 3) {
    const common = scale * (1 - saturation) * grey(image, i) + offset;
    image[i] = byte(own * image[i] + common);
    image[i + 1] = byte(own * image[i + 1] + common);
    image[i + 2] = byte(own * image[i + 2] + common);
  }
}

const byte = (value: number): number => Math.min(Math.max(value, 0), 255);

/** The weights are exact in binary, so the grey of a grey pixel equals the pixel exactly. */
const grey = (image: Uint8Array, i: number): number =>
  (306 * image[i] + 601 * image[i + 1] + 117 * image[i + 2]) / 1024;

function meanGrey(image: Uint8Array, channels: number): number {
  let sum = 0;
  if (channels === 3) for (let i = 0; i < image.length; i += 3) sum += 3 * grey(image, i);
  else for (let i = 0; i < image.length; i++) sum += image[i];
  return sum / image.length;
}
