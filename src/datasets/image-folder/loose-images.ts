import { join } from 'node:path';
import { UserError } from '../../base/errors.js';
import type { Dataset, Split } from '../dataset.js';
import type { Progress } from '../fetch.js';
import { decodeShape, readImageFile } from '../image.js';
import { cacheFolder } from '../locations.js';
import { bytesOf, sharedBytes } from '../pixels.js';
import { checkImages } from './check-images.js';
import { fileKind } from './file-kinds.js';
import { walk } from './walk.js';

/** Images without classes, as a split of a data set. Their labels are 0. */
export interface LooseImages {
  readonly split: Split;
  /** Paths in the folder, in the order of the split. */
  readonly files: readonly string[];
  readonly skipped: readonly { readonly file: string; readonly reason: string }[];
}

/**
 * Reads all images in a folder and in the folders inside it, in the form of a data set's own images. Images that can't be
 * decoded are skipped.
 *
 * @throws UserError if there is none that can be used
 */
export async function looseImages(
  folder: string,
  dataset: Pick<Dataset, 'stored' | 'resize'>,
  onProgress?: (progress: Progress) => void,
): Promise<LooseImages> {
  const found = walk(folder).files.filter((file) => fileKind(file) === 'image');
  const { files, pixels, faults } = await (dataset.resize === undefined
    ? inMemory(folder, found, dataset)
    : onDisk(folder, found, dataset.stored[0], onProgress));
  if (files.length === 0) {
    const [first] = faults;
    const why = first === undefined ? '' : ` (${first.file}: ${first.reason})`;
    throw new UserError(
      `${folder}: expected images (.png, .jpg, .webp, ...), found ${found.length} that can be used${why}`,
    );
  }
  return { split: { count: files.length, pixels, labels: new Uint16Array(files.length) }, files, skipped: faults };
}

type Read = { files: string[]; pixels: Split['pixels']; faults: LooseImages['skipped'] };

async function onDisk(
  folder: string,
  found: readonly string[],
  side: number,
  onProgress?: (progress: Progress) => void,
): Promise<Read> {
  const { faults } = await checkImages(folder, found, { side, cache: join(cacheFolder(), 'images'), onProgress });
  const files = found.filter((_, i) => !faults.has(i));
  return {
    files,
    pixels: { in: 'images', folder, files },
    faults: [...faults].map(([i, reason]) => ({ file: found[i], reason })),
  };
}

/** Small images, as of MNIST and CIFAR: stretched to the data set's shape, in grey if it is. */
async function inMemory(folder: string, found: readonly string[], { stored }: Pick<Dataset, 'stored'>): Promise<Read> {
  const size = bytesOf(stored);
  const decoded: { file: string; bytes: Uint8Array }[] = [];
  const faults: { file: string; reason: string }[] = [];
  for (const file of found) {
    const path = join(folder, file);
    try {
      decoded.push({ file, bytes: await decodeShape(await readImageFile(path), path, stored) });
    } catch (thrown) {
      if (!(thrown instanceof UserError)) throw thrown;
      faults.push({ file, reason: thrown.message.replace(`${path}: `, '') });
    }
  }
  const bytes = sharedBytes(decoded.length * size);
  for (const [i, image] of decoded.entries()) bytes.set(image.bytes, i * size);
  return { files: decoded.map(({ file }) => file), pixels: { in: 'memory', bytes }, faults };
}
