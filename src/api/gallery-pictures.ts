import sharp from 'sharp';
import type { Dataset } from '../datasets/dataset.js';
import { bytesOf, openPixels } from '../datasets/pixels.js';

/** Side of the pictures in the report's gallery, in pixels. */
const SIDE = 96;

/** Small pictures of test images as data URLs, by index. */
export async function galleryPictures(
  { test, stored }: Pick<Dataset, 'test' | 'stored'>,
  indices: Iterable<number>,
): Promise<Record<string, string>> {
  const pictures: Record<string, string> = {};
  const reader = openPixels(test.pixels, stored);
  const [height, width, channels] = stored;
  const pixels = new Uint8Array(bytesOf(stored));
  const isSmall = Math.max(height, width) < SIDE;
  try {
    for (const index of new Set(indices)) {
      await reader.read(index, pixels);
      const raw = { width, height, channels: channels as 1 | 3 };
      const image = sharp(pixels, { raw }).resize(SIDE, SIDE, {
        fit: 'inside',
        kernel: isSmall ? 'nearest' : 'lanczos3',
      });
      const bytes = await (isSmall ? image.png({ palette: true }) : image.jpeg({ quality: 75 })).toBuffer();
      pictures[index] = `data:image/${isSmall ? 'png' : 'jpeg'};base64,${bytes.toString('base64')}`;
    }
  } finally {
    await reader.close();
  }
  return pictures;
}
