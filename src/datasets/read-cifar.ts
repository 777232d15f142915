import { UserError } from '../base/errors.js';
import { readTarGz } from './archive.js';
import { type CifarEntry, entryFiles, type FileFacts, recordBytes } from './catalog.js';
import { readCifarRecords } from './cifar.js';
import type { Split } from './dataset.js';
import type { Place } from './locations.js';
import { bytesOf, sharedBytes } from './pixels.js';
import { readUnpacked } from './unpack.js';
import { checksumFault } from './verify.js';

/**
 * Reads a data set in CIFAR's binary version, file by file, and checks each file's SHA-256.
 *
 * @throws UserError for files that are absent, damaged, cut short or others
 */
export async function readCifar(entry: CifarEntry, place: Place): Promise<{ train: Split; test: Split }> {
  const splits = { train: emptySplit(entry, entry.train), test: emptySplit(entry, entry.test) };
  for await (const { file, path, content } of contents(entry, place)) {
    if (content.length !== file.bytes) {
      throw new UserError(
        `${path}: expected ${file.bytes} bytes, found ${content.length}; it is cut short, replace it`,
      );
    }
    const part = entry.files.train.includes(file) ? 'train' : 'test';
    const before = entry.files[part].slice(0, entry.files[part].indexOf(file));
    const first = before.reduce((count, { bytes }) => count + bytes / recordBytes(entry), 0);
    readCifarRecords(content, path, entry, splits[part], first);
    const fault = checksumFault(path, content, file);
    if (fault !== undefined) throw new UserError(fault);
  }
  return { train: asSplit(splits.train), test: asSplit(splits.test) };
}

/** Every file with its unpacked content, one at a time: all of them together are as large as the images. */
async function* contents(
  entry: CifarEntry,
  place: Place,
): AsyncGenerator<{ file: FileFacts; path: string; content: Buffer }> {
  const files = entryFiles(entry);
  if (place.archive === undefined) {
    for (const file of files) {
      const path = place.files[file.name];
      yield { file, path, content: await readUnpacked(path, file.bytes) };
    }
    return;
  }
  for await (const { name, content } of readTarGz(place.archive, files)) {
    const file = files.find((candidate) => candidate.name === name) as FileFacts;
    yield { file, path: `${place.archive}: ${name}`, content };
  }
}

function emptySplit(entry: CifarEntry, count: number): { pixels: Uint8Array; labels: Uint16Array } {
  return { pixels: sharedBytes(count * bytesOf(entry.shape)), labels: new Uint16Array(count) };
}

function asSplit({ pixels, labels }: { pixels: Uint8Array; labels: Uint16Array }): Split {
  return { count: labels.length, pixels: { in: 'memory', bytes: pixels }, labels };
}
