import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { readJson } from '../base/json.js';
import { suggestName } from '../base/suggest-name.js';
import { type CatalogEntry, FORMATS } from './formats/index.js';

/**
 * The package's own data folder: the catalogue and the built-in sample. It is the same from `src/` and from `dist/`.
 */
export const PACKAGE_DATASETS = fileURLToPath(new URL('../../datasets', import.meta.url));

const entrySchema = z
  .union([FORMATS.idx.schema, FORMATS.cifar.schema])
  .refine((entry) => entry.mean.length === entry.shape[2] && entry.std.length === entry.shape[2], {
    error: 'mean and std need a number per channel',
  });

const catalogSchema = z.record(z.string().regex(/^[a-z0-9-]+$/), entrySchema);

let catalog: CatalogEntry[] | undefined;

/** Every data set of `datasets/catalog.json`. */
export function catalogEntries(): readonly CatalogEntry[] {
  catalog ??= parseCatalog(readJson(`${PACKAGE_DATASETS}/catalog.json`, z.unknown(), 'the catalogue of data sets'));
  return catalog;
}

/** The data set with this name. @throws UserError that suggests the closest name and lists all of them */
export function catalogEntry(name: string): CatalogEntry {
  const entry = catalogEntries().find((candidate) => candidate.name === name);
  if (entry) return entry;
  const names = catalogEntries().map((candidate) => candidate.name);
  const guess = suggestName(name, names);
  const hint = guess ? `; did you mean ${guess}?` : '.';
  throw new UserError(
    `no data set is called "${name}"${hint} There are: ${names.join(', ')}; and imagenet, folder for image folders`,
  );
}

/** @throws ZodError if it isn't a catalogue: a fault of the package, not of the user. */
export function parseCatalog(json: unknown): CatalogEntry[] {
  return Object.entries(catalogSchema.parse(json)).map(([name, entry]) => ({ name, ...entry }) as CatalogEntry);
}
