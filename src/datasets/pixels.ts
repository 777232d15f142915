import { closeSync, openSync, read as readCallback } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf, UserError } from '../base/errors.js';
import { readSquare } from './image.js';

const readAt = promisify(readCallback);

/** Height, width, channels. */
export type ImageShape = readonly [height: number, width: number, channels: number];

/** Location of a split's images. Plain data, so that it can be passed to a loading thread. */
export type Pixels = MemoryPixels | ImagePixels | PackedPixels;

/** All images in sequence, count * height * width * channels bytes (NHWC), in shared memory that all threads read. */
export interface MemoryPixels {
  readonly in: 'memory';
  readonly bytes: Uint8Array;
}

/** Image files, decoded when they are read: see `readSquare`. */
export interface ImagePixels {
  readonly in: 'images';
  readonly folder: string;
  /** Paths in the folder. */
  readonly files: readonly string[];
}

/** Records of the images' bytes in one file. */
export interface PackedPixels {
  readonly in: 'packed';
  readonly path: string;
  /** The record of each image. */
  readonly records: Int32Array;
}

/** Reads one image after the other as bytes, HWC. */
export interface PixelReader {
  /** Fills `target` (height * width * channels bytes) with the image at an index of the split. */
  read(index: number, target: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** @param shape of each stored image */
export function openPixels(pixels: Pixels, shape: ImageShape): PixelReader {
  switch (pixels.in) {
    case 'memory':
      return openMemory(pixels, bytesOf(shape));
    case 'images':
      return openImages(pixels, shape[0]);
    case 'packed':
      return openPacked(pixels, bytesOf(shape));
  }
}

function openMemory({ bytes }: MemoryPixels, size: number): PixelReader {
  return {
    async read(index, target) {
      target.set(bytes.subarray(index * size, (index + 1) * size));
    },
    async close() {},
  };
}

function openImages({ folder, files }: ImagePixels, side: number): PixelReader {
  return {
    async read(index, target) {
      target.set(await readSquare(join(folder, files[index]), side));
    },
    async close() {},
  };
}

function openPacked({ path, records }: PackedPixels, size: number): PixelReader {
  let file: number | undefined;
  return {
    async read(index, target) {
      try {
        file ??= openSync(path, 'r');
        const { bytesRead } = await readAt(file, target, 0, size, records[index] * size);
        if (bytesRead === size) return;
      } catch (thrown) {
        throw new UserError(`${path}: the packed images can't be read (${messageOf(thrown)}); start again`);
      }
      throw new UserError(
        `${path}: expected packed images up to record ${records[index]}, found it cut short; remove it`,
      );
    },
    async close() {
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
  };
}

export const bytesOf = (shape: ImageShape): number => shape.reduce((product, size) => product * size, 1);

/** Bytes in shared memory, visible to every thread that receives them. */
export const sharedBytes = (count: number): Uint8Array => new Uint8Array(new SharedArrayBuffer(count));
