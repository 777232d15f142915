import { z } from 'zod';
import { UserError } from '../../base/errors.js';
import { sha256 } from '../../base/hash.js';
import type { Split } from '../dataset.js';
import { sharedBytes } from '../pixels.js';
import { readUnpacked } from '../unpack.js';
import {
  commonFields,
  type DatasetFormat,
  fileSchema,
  type Location,
  listNames,
  locateFiles,
  packedSchema,
  type SourceFile,
  size,
} from './format.js';
import { parseIdxImages, parseIdxLabels } from './parse-idx.js';

export const ROLES = ['trainImages', 'trainLabels', 'testImages', 'testLabels'] as const;
export type Role = (typeof ROLES)[number];

/** `gzip` describes the file at the sources. */
const idxFile = fileSchema.extend({ gzip: packedSchema.optional() });

const schema = z
  .strictObject({
    format: z.literal('idx'),
    ...commonFields,
    shape: z.tuple([size, size, z.literal(1)]),
    files: z.strictObject({ trainImages: idxFile, trainLabels: idxFile, testImages: idxFile, testLabels: idxFile }),
  })
  .refine((entry) => ROLES.every((role) => entry.files[role].bytes === expectedBytes(entry, role)), {
    error: 'the bytes of a file do not agree with shape and number of images',
  })
  .refine((entry) => entry.sources.length === 0 || ROLES.every((role) => entry.files[role].gzip), {
    error: 'what can be downloaded needs the bytes and the SHA-256 of its gzip',
  });

export type IdxEntry = z.infer<typeof schema> & { readonly name: string };

const files = (entry: IdxEntry) => ROLES.map((role) => entry.files[role]);

/** IDX, the format of MNIST: a file of images and one of labels per split. The sources hold every file as NAME.gz. */
export const idx: DatasetFormat<IdxEntry> = {
  schema,
  files,
  fileNames: (entry) => listNames(files(entry)),
  locate: (folder, entry, origin) => locateFiles(folder, files(entry), origin),
  identifyingFile: (entry) => entry.files.testLabels,
  downloads: (entry) => files(entry).map((file) => download(entry, file)),
  async read(entry, location) {
    const [train, test] = await Promise.all([readSplit(entry, location, 'train'), readSplit(entry, location, 'test')]);
    return { train, test };
  },
};

function expectedBytes(entry: { shape: readonly number[]; train: number; test: number }, role: Role): number {
  const count = role.startsWith('train') ? entry.train : entry.test;
  return role.endsWith('Labels') ? 8 + count : 16 + count * entry.shape.reduce((a, b) => a * b);
}

function download(entry: IdxEntry, { gzip, ...unpacked }: z.infer<typeof idxFile>): SourceFile {
  if (!gzip) throw new Error(`${entry.name}: the catalogue lacks the gzip of ${unpacked.name}`);
  return { name: `${unpacked.name}.gz`, ...gzip, unpacked };
}

async function readSplit(entry: IdxEntry, location: Location, part: 'train' | 'test'): Promise<Split> {
  const images = entry.files[`${part}Images`];
  const expected = entry.files[`${part}Labels`];
  const imagesPath = location.files[images.name];
  const labelsPath = location.files[expected.name];
  const [imagesContent, labelsContent] = await Promise.all([
    readUnpacked(imagesPath, images.bytes),
    readUnpacked(labelsPath, expected.bytes),
  ]);
  const { count, rows, columns, pixels } = parseIdxImages(imagesContent, imagesPath);
  const labels = parseIdxLabels(labelsContent, labelsPath, entry.labels.length);
  if (labels.length !== count) {
    throw new UserError(`${labelsPath}: expected a label for each of the ${count} images, found ${labels.length}`);
  }
  const [height, width] = entry.shape;
  if (count !== entry[part] || rows !== height || columns !== width) {
    throw new UserError(
      `${imagesPath}: expected the ${entry[part]} images of ${height}x${width} pixels of ${entry.name}, ` +
        `found ${count} of ${rows}x${columns}`,
    );
  }
  // Several data sets have files with the same names and sizes. Their labels differ, and are quick to hash.
  if (sha256(labelsContent) !== expected.sha256) {
    throw new UserError(`${labelsPath}: expected the labels of ${entry.name}, found others; is it another data set's?`);
  }
  const bytes = sharedBytes(pixels.length);
  bytes.set(pixels);
  return { count, pixels: { in: 'memory', bytes }, labels: Uint16Array.from(labels) };
}
