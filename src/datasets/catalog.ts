import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { readJson } from '../base/files.js';
import { closest } from '../base/suggest-name.js';

/** The package's own folder of data: the catalogue and the built-in sample. The same from `src/` and from `dist/`. */
export const PACKAGE_DATASETS = fileURLToPath(new URL('../../datasets', import.meta.url));

export const ROLES = ['trainImages', 'trainLabels', 'testImages', 'testLabels'] as const;
export type Role = (typeof ROLES)[number];

const content = { bytes: z.int().positive(), sha256: z.string().regex(/^[0-9a-f]{64}$/) };

/** `bytes` and `sha256` are of the unpacked content, for everybody's gzip differs. */
const fileSchema = z.strictObject({ name: z.string().regex(/^[\w-]+(\.bin)?$/), ...content });
export type FileFacts = z.infer<typeof fileSchema>;

/** `gzip` is what the sources hold. */
const idxFileSchema = fileSchema.extend({ gzip: z.strictObject(content).optional() });

const common = {
  title: z.string(),
  licence: z.string(),
  credit: z.string(),
  labels: z.array(z.string()).min(2).max(256),
  /** Per channel, of pixel / 255 over the training images. */
  mean: z.array(z.number()),
  std: z.array(z.number().positive()),
  /** Numbers of images. */
  train: z.int().positive(),
  test: z.int().positive(),
};

/** Folders' addresses, tried in this order. */
const sources = z.array(z.url().endsWith('/'));
const size = z.int().positive();

/** IDX, the format of MNIST: a file of images and one of labels per split. The sources hold every file as NAME.gz. */
const idxSchema = z
  .strictObject({
    format: z.literal('idx'),
    ...common,
    sources,
    shape: z.tuple([size, size, z.literal(1)]),
    files: z.strictObject({
      trainImages: idxFileSchema,
      trainLabels: idxFileSchema,
      testImages: idxFileSchema,
      testLabels: idxFileSchema,
    }),
  })
  .refine((entry) => ROLES.every((role) => entry.files[role].bytes === idxBytes(entry, role)), {
    error: 'the bytes of a file do not agree with shape and number of images',
  })
  .refine((entry) => entry.sources.length === 0 || ROLES.every((role) => entry.files[role].gzip), {
    error: 'what can be downloaded needs the bytes and the SHA-256 of its gzip',
  });

/** CIFAR's binary version: files of records, label bytes and then a plane per colour. The sources hold one archive. */
const cifarSchema = z
  .strictObject({
    format: z.literal('cifar'),
    ...common,
    sources,
    /** The .tar.gz of the sources, and the folder that the files have in it. */
    archive: z.strictObject({ name: z.string().endsWith('.tar.gz'), folder: z.string(), ...content }),
    shape: z.tuple([size, size, z.literal(3)]),
    /** Bytes before the planes; the last is the class. */
    labelBytes: z.int().min(1).max(2),
    files: z.strictObject({ train: z.array(fileSchema).min(1), test: z.array(fileSchema).min(1) }),
  })
  .refine((entry) => PARTS.every((part) => sum(entry.files[part]) === entry[part] * recordBytes(entry)), {
    error: 'the bytes of the files do not agree with shape and number of images',
  });

const PARTS = ['train', 'test'] as const;

const entrySchema = z
  .discriminatedUnion('format', [idxSchema, cifarSchema])
  .refine((entry) => entry.mean.length === entry.shape[2] && entry.std.length === entry.shape[2], {
    error: 'mean and std need a number per channel',
  });

const catalogSchema = z.record(z.string().regex(/^[a-z0-9-]+$/), entrySchema);

export type IdxEntry = z.infer<typeof idxSchema> & { readonly name: string };
export type CifarEntry = z.infer<typeof cifarSchema> & { readonly name: string };

/** A data set of the catalogue. */
export type CatalogEntry = IdxEntry | CifarEntry;

let catalog: CatalogEntry[] | undefined;

/** Every data set of `datasets/catalog.json`. */
export function catalogEntries(): readonly CatalogEntry[] {
  catalog ??= parseCatalog(readJson(`${PACKAGE_DATASETS}/catalog.json`, 'the catalogue of data sets'));
  return catalog;
}

/** The data set of that name. @throws UserError with the names there are, the closest one first. */
export function catalogEntry(name: string): CatalogEntry {
  const entry = catalogEntries().find((candidate) => candidate.name === name);
  if (entry) return entry;
  const names = catalogEntries().map((candidate) => candidate.name);
  const guess = closest(name, names);
  const hint = guess ? `did you mean ${guess}? ` : '';
  throw new UserError(
    `no data set is called "${name}"; ${hint}There are: ${names.join(', ')}; and imagenet, folder for image folders`,
  );
}

/** Every file of a data set. */
export function entryFiles(entry: CatalogEntry): readonly FileFacts[] {
  if (entry.format === 'cifar') return [...entry.files.train, ...entry.files.test];
  return ROLES.map((role) => entry.files[role]);
}

/** @throws ZodError where it is no catalogue: a fault of the package, not of the user. */
export function parseCatalog(json: unknown): CatalogEntry[] {
  return Object.entries(catalogSchema.parse(json)).map(([name, entry]) => ({ name, ...entry }));
}

function idxBytes(entry: { shape: readonly number[]; train: number; test: number }, role: Role): number {
  const count = role.startsWith('train') ? entry.train : entry.test;
  return role.endsWith('Labels') ? 8 + count : 16 + count * entry.shape.reduce((a, b) => a * b);
}

/** Bytes of one image with its label in CIFAR's binary version. */
export function recordBytes(entry: { shape: readonly number[]; labelBytes: number }): number {
  return entry.labelBytes + entry.shape.reduce((a, b) => a * b);
}

const sum = (files: readonly FileFacts[]): number => files.reduce((bytes, file) => bytes + file.bytes, 0);
