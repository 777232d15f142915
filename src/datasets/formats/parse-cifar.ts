import { UserError } from '../../base/errors.js';

/** Destination of a split's images: `pixels` NHWC, `labels` a class number per image. */
export interface ImagesAndLabels {
  readonly pixels: Uint8Array;
  readonly labels: Uint16Array;
}

/** Layout of a record. */
interface RecordShape {
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly labelBytes: number;
}

/** Size of one image with its label, in bytes. */
export function recordBytes({ shape, labelBytes }: RecordShape): number {
  return labelBytes + shape.reduce((a, b) => a * b);
}

/**
 * Reads the content of a file of CIFAR's binary version: per image one label byte (CIFAR-100: two, the superclass and
 * the class), then a plane of pixels each for red, green and blue, row by row.
 *
 * @param path names the file in errors
 * @param first index in `target` of the file's first image
 * @returns the number of images
 * @throws UserError if a record is cut short or a label isn't a class
 */
export function readCifarRecords(
  content: Uint8Array,
  path: string,
  entry: RecordShape & { readonly labels: readonly string[] },
  target: ImagesAndLabels,
  first: number,
): number {
  const record = recordBytes(entry);
  const [height, width, channels] = entry.shape;
  const plane = height * width;
  if (content.length % record !== 0) {
    throw new UserError(
      `${path}: expected records of ${record} bytes, found ${content.length} bytes, no multiple of that; ` +
        'it is cut short or another file, replace it',
    );
  }
  const count = content.length / record;
  for (let i = 0; i < count; i++) {
    const planes = i * record + entry.labelBytes;
    const label = content[planes - 1];
    if (label >= entry.labels.length) {
      throw new UserError(
        `${path}: expected labels from 0 to ${entry.labels.length - 1}, found ${label} at index ${i}; replace the file`,
      );
    }
    target.labels[first + i] = label;
    const image = (first + i) * plane * channels;
    for (let c = 0; c < channels; c++) {
      const from = planes + c * plane;
      for (let p = 0; p < plane; p++) target.pixels[image + p * channels + c] = content[from + p];
    }
  }
  return count;
}
