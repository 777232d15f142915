import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Split } from '../dataset.js';

const content = { bytes: z.int().positive(), sha256: z.string().regex(/^[0-9a-f]{64}$/) };

/** A size of an image. */
export const size = z.int().positive();

/** `bytes` and `sha256` describe the unpacked content, because gzip files of the same content differ. */
export const fileSchema = z.strictObject({ name: z.string().regex(/^[\w-]+(\.bin)?$/), ...content });
export type FileFacts = z.infer<typeof fileSchema>;

/** A file exactly as the sources hold it. */
export const packedSchema = z.strictObject(content);

/** Properties of a catalogue entry of any format. */
export const commonFields = {
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
  /** Addresses of folders, tried in this order. */
  sources: z.array(z.url().endsWith('/')),
};

/** Where a data set was found. */
export type Origin = '--data-dir' | 'LCDNN_DATA' | 'cache' | 'Debian package' | 'built in';

/** A folder that holds all files of a data set, one by one or in its archive. */
export interface Location {
  readonly origin: Origin;
  readonly folder: string;
  /** The path of each file by its name in the catalogue; empty if `archive` or class folders hold them. */
  readonly files: Readonly<Record<string, string>>;
  readonly archive?: string;
  /** The images are PNG files in train/CLASS and test/CLASS. */
  readonly classFolders?: boolean;
}

/** A file to download. */
export interface SourceFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
  /** The file that it unpacks to. An archive unpacks to all files. */
  readonly unpacked?: FileFacts;
}

/** A file format of the catalogue: what its entries hold, which files belong to one, and how they are read. */
export interface DatasetFormat<Entry> {
  readonly schema: z.ZodType<Omit<Entry, 'name'>>;
  /** Every file of a data set. */
  files(entry: Entry): readonly FileFacts[];
  /** The names that a folder's files must have, for messages. */
  fileNames(entry: Entry): string;
  /** The files in one folder, or nothing if one is missing. */
  locate(folder: string, entry: Entry, origin: Origin): Location | undefined;
  /** Tells data sets apart whose files have the same names. @returns the file whose checksum decides */
  identifyingFile?(entry: Entry): FileFacts;
  /** Files that the sources hold. */
  downloads(entry: Entry): readonly SourceFile[];
  /** Reads all images. @throws UserError if a file is missing, damaged, cut short or belongs to another data set */
  read(entry: Entry, location: Location): Promise<{ train: Split; test: Split }>;
}

/** "a, b (each with .gz, .xz or without)". */
export const listNames = (files: readonly FileFacts[]): string =>
  `${files.map(({ name }) => name).join(', ')} (each with .gz, .xz or without)`;

/** The location of these files if all are in the folder. */
export function locateFiles(folder: string, files: readonly FileFacts[], origin: Origin): Location | undefined {
  const paths = files.map(({ name }) => [name, existingFile(folder, name)] as const);
  if (paths.some(([, path]) => path === undefined)) return undefined;
  return { origin, folder, files: Object.fromEntries(paths) as Record<string, string> };
}

/** NAME.gz, NAME or NAME.xz in a folder, in this order: a download writes NAME.gz. */
export function existingFile(folder: string, name: string): string | undefined {
  const path = join(folder, name);
  return [`${path}.gz`, path, `${path}.xz`].find((candidate) => existsSync(candidate));
}
