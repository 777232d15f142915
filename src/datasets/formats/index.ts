import { type CifarEntry, cifar } from './cifar.js';
import type { DatasetFormat } from './format.js';
import { type IdxEntry, idx } from './idx.js';

/** File formats of the catalogue by name. A new format is one more file here. */
export const FORMATS = { idx, cifar };

/** A data set of the catalogue. */
export type CatalogEntry = IdxEntry | CifarEntry;

/** The format of a data set. */
export function formatOf(entry: CatalogEntry): DatasetFormat<CatalogEntry> {
  // The entry's own `format` chose the functions, so they receive the entry type that they expect.
  return FORMATS[entry.format] as DatasetFormat<CatalogEntry>;
}
