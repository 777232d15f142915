import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { closest } from '../base/closest.js';
import { UserError } from '../base/errors.js';
import { readJson } from '../base/files.js';

/** The package's own folder of data: the catalogue and the built-in sample. The same from `src/` and from `dist/`. */
export const PACKAGE_DATASETS = fileURLToPath(new URL('../../datasets', import.meta.url));

export const ROLES = ['trainImages', 'trainLabels', 'testImages', 'testLabels'] as const;
export type Role = (typeof ROLES)[number];

const content = { bytes: z.int().positive(), sha256: z.string().regex(/^[0-9a-f]{64}$/) };

/** `bytes` and `sha256` are of the unpacked content, for everybody's gzip differs; `gzip` is what the sources hold. */
const fileSchema = z.strictObject({
  name: z.string().regex(/^[\w-]+$/),
  ...content,
  gzip: z.strictObject(content).optional(),
});

const entrySchema = z
  .strictObject({
    title: z.string(),
    licence: z.string(),
    credit: z.string(),
    /** Addresses of folders that hold every file as NAME.gz, tried in this order. */
    sources: z.array(z.url().endsWith('/')),
    shape: z.tuple([z.int().positive(), z.int().positive(), z.literal(1)]),
    labels: z.array(z.string()).min(2).max(256),
    /** Per channel, of pixel / 255 over the training images. */
    mean: z.array(z.number()),
    std: z.array(z.number().positive()),
    /** Numbers of images. */
    train: z.int().positive(),
    test: z.int().positive(),
    files: z.strictObject({
      trainImages: fileSchema,
      trainLabels: fileSchema,
      testImages: fileSchema,
      testLabels: fileSchema,
    }),
  })
  .refine((entry) => entry.mean.length === entry.shape[2] && entry.std.length === entry.shape[2], {
    error: 'mean and std need a number per channel',
  })
  .refine((entry) => ROLES.every((role) => entry.files[role].bytes === idxBytes(entry, role)), {
    error: 'the bytes of a file do not agree with shape and number of images',
  })
  .refine((entry) => entry.sources.length === 0 || ROLES.every((role) => entry.files[role].gzip), {
    error: 'what can be downloaded needs the bytes and the SHA-256 of its gzip',
  });

const catalogSchema = z.record(z.string().regex(/^[a-z0-9-]+$/), entrySchema);

/** A data set of the catalogue. */
export type CatalogEntry = z.infer<typeof entrySchema> & { readonly name: string };

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
  throw new UserError(`no data set is called "${name}"; ${hint}There are: ${names.join(', ')}`);
}

/** @throws ZodError where it is no catalogue: a fault of the package, not of the user. */
export function parseCatalog(json: unknown): CatalogEntry[] {
  return Object.entries(catalogSchema.parse(json)).map(([name, entry]) => ({ name, ...entry }));
}

function idxBytes(entry: { shape: readonly number[]; train: number; test: number }, role: Role): number {
  const count = role.startsWith('train') ? entry.train : entry.test;
  return role.endsWith('Labels') ? 8 + count : 16 + count * entry.shape.reduce((a, b) => a * b);
}
