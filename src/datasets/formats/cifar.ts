import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../base/errors.js';
import { readTarGz } from '../archive.js';
import type { Split } from '../dataset.js';
import { bytesOf, sharedBytes } from '../pixels.js';
import { checksumFault, readUnpacked } from '../unpack.js';
import { hasClassFolders, readClassFolders } from './cifar-folders.js';
import {
  commonFields,
  type DatasetFormat,
  type FileFacts,
  fileSchema,
  type Location,
  listNames,
  locateFiles,
  packedSchema,
  size,
} from './format.js';
import { readCifarRecords, recordBytes } from './parse-cifar.js';

const PARTS = ['train', 'test'] as const;

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

const schema = z
  .strictObject({
    format: z.literal('cifar'),
    ...commonFields,
    /** The .tar.gz of the sources, and the folder of the files inside it. */
    archive: packedSchema.extend({ name: z.string().endsWith('.tar.gz'), folder: z.string() }),
    shape: z.tuple([size, size, z.literal(3)]),
    /** Bytes before the planes; the last one is the class. */
    labelBytes: z.int().min(1).max(2),
    files: z.strictObject({ train: z.array(fileSchema).min(1), test: z.array(fileSchema).min(1) }),
    /** Identifies the images of class folders, whose order is unknown. */
    imagesSha256: z.strictObject({ train: sha256Schema, test: sha256Schema }).optional(),
  })
  .refine((entry) => PARTS.every((part) => totalBytes(entry.files[part]) === entry[part] * recordBytes(entry)), {
    error: 'the bytes of the files do not agree with shape and number of images',
  });

export type CifarEntry = z.infer<typeof schema> & { readonly name: string };

const files = (entry: CifarEntry) => [...entry.files.train, ...entry.files.test];

/**
 * CIFAR's binary version: files of records, label bytes and then a plane per colour. The sources hold one archive. Class
 * folders of PNG files are read, too.
 */
export const cifar: DatasetFormat<CifarEntry> = {
  schema,
  files,
  fileNames: (entry) =>
    `${entry.archive.name}, or ${listNames(files(entry))}, or class folders of PNG files in train and test`,
  locate(folder, entry, origin) {
    const archive = join(folder, entry.archive.name);
    if (existsSync(archive)) return { origin, folder, files: {}, archive };
    // `tar` unpacks the archive to a folder inside the folder.
    return (
      locateFiles(folder, files(entry), origin) ??
      locateFiles(join(folder, entry.archive.folder), files(entry), origin) ??
      (hasClassFolders(folder, entry) ? { origin, folder, files: {}, classFolders: true } : undefined)
    );
  },
  downloads: (entry) => [entry.archive],
  read,
};

/** Reads the data set file by file, and checks each file's SHA-256. */
async function read(entry: CifarEntry, location: Location): Promise<{ train: Split; test: Split }> {
  if (location.classFolders) return readClassFolders(entry, location.folder);
  const splits = { train: emptySplit(entry, entry.train), test: emptySplit(entry, entry.test) };
  for await (const { file, path, content } of contents(entry, location)) {
    if (content.length !== file.bytes) {
      throw new UserError(
        `${path}: expected ${file.bytes} bytes, found ${content.length}; it is cut short, replace it`,
      );
    }
    const part = entry.files.train.includes(file) ? 'train' : 'test';
    const before = entry.files[part].slice(0, entry.files[part].indexOf(file));
    const first = totalBytes(before) / recordBytes(entry);
    readCifarRecords(content, path, entry, splits[part], first);
    const fault = checksumFault(path, content, file);
    if (fault !== undefined) throw new UserError(fault);
  }
  return { train: asSplit(splits.train), test: asSplit(splits.test) };
}

/** Every file with its unpacked content, one at a time: together they are as large as the images. */
async function* contents(
  entry: CifarEntry,
  location: Location,
): AsyncGenerator<{ file: FileFacts; path: string; content: Buffer }> {
  if (location.archive === undefined) {
    for (const file of files(entry)) {
      const path = location.files[file.name];
      yield { file, path, content: await readUnpacked(path, file.bytes) };
    }
    return;
  }
  const byName = new Map(files(entry).map((file) => [file.name, file]));
  for await (const { name, content } of readTarGz(location.archive, files(entry))) {
    const file = byName.get(name);
    if (file) yield { file, path: `${location.archive}: ${name}`, content };
  }
}

function emptySplit(entry: CifarEntry, count: number): { pixels: Uint8Array; labels: Uint16Array } {
  return { pixels: sharedBytes(count * bytesOf(entry.shape)), labels: new Uint16Array(count) };
}

function asSplit({ pixels, labels }: { pixels: Uint8Array; labels: Uint16Array }): Split {
  return { count: labels.length, pixels: { in: 'memory', bytes: pixels }, labels };
}

const totalBytes = (of: readonly FileFacts[]): number => of.reduce((sum, { bytes }) => sum + bytes, 0);
