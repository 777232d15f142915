/** Height, width, channels. */
export type ImageShape = readonly [height: number, width: number, channels: number];

/** Where the images of a split are: plain data, so that a loading thread can be handed it. */
export type Pixels = MemoryPixels;

/** All images side by side, count * height * width * channels bytes (NHWC). */
export interface MemoryPixels {
  readonly in: 'memory';
  readonly bytes: Uint8Array;
}

/** Gives one image after the other as bytes, HWC. */
export interface PixelReader {
  /** Fills `target` (height * width * channels bytes) with the image at a place of the split. */
  read(place: number, target: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** @param shape of every image as it is kept */
export function openPixels(pixels: Pixels, shape: ImageShape): PixelReader {
  const size = bytesOf(shape);
  return {
    async read(place, target) {
      target.set(pixels.bytes.subarray(place * size, (place + 1) * size));
    },
    async close() {},
  };
}

export const bytesOf = (shape: ImageShape): number => shape.reduce((product, size) => product * size, 1);
