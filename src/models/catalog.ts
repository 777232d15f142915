import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { readJson } from '../base/json.js';
import { suggestName } from '../base/suggest-name.js';

/** Folder of the catalogue and of the networks that come with the package. The same path from `src/` and from `dist/`. */
export const PACKAGE_MODELS = fileURLToPath(new URL('../../models', import.meta.url));

const size = z.int().positive();

const modelSchema = z.strictObject({
  title: z.string(),
  /** Network of the zoo that the file holds the weights of. */
  network: z.string(),
  /** Where a branch is attached by default. */
  attach: z.string(),
  input: z.tuple([size, size, size]),
  classes: size,
  /** The normalisation that the network was trained with, for pixels from 0 to 1: per channel, or one number for all. */
  mean: z.array(z.number()).min(1),
  std: z.array(z.number().positive()).min(1),
  accuracy: z.strictObject({ value: z.number().min(0).max(1), of: z.string() }),
  licence: z.string(),
  /** Text of the licence, in `models/`: whoever ships the weights ships it as well. */
  licenceFile: z.string(),
  credit: z.string(),
  /** Path in `models/`, or in `models/` of the cache. */
  file: z.string().regex(/^[a-z0-9-]+\/[\w.-]+\.(safetensors|onnx)$/),
  bytes: size,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Folders to download the file from. Empty if it comes with the package. */
  sources: z.array(z.url()),
});

/** A pretrained network. */
export type PretrainedModel = z.infer<typeof modelSchema> & { readonly name: string };

const catalogSchema = z.record(z.string().regex(/^[a-z0-9-]+$/), modelSchema);

let catalog: PretrainedModel[] | undefined;

/** Every network of `models/catalog.json`. */
export function pretrainedModels(): readonly PretrainedModel[] {
  catalog ??= parseModels(readJson(join(PACKAGE_MODELS, 'catalog.json'), z.unknown(), 'the catalogue of networks'));
  return catalog;
}

/** @throws ZodError if it isn't a catalogue: a fault of the package, not of the user */
export function parseModels(json: unknown): PretrainedModel[] {
  return Object.entries(catalogSchema.parse(json)).map(([name, entry]) => ({ name, ...entry }));
}

/** Whether `--init-from` names a network of the catalogue. Anything with an extension or a folder is a file. */
export const isModelName = (initFrom: string): boolean => !/[./\\]/.test(initFrom);

/** The network with this name. @throws UserError that suggests the closest name and lists all of them */
export function pretrainedModel(name: string): PretrainedModel {
  const models = pretrainedModels();
  const found = models.find((model) => model.name === name);
  if (found) return found;
  const names = models.map((model) => model.name);
  const guess = suggestName(name, names);
  const hint = guess ? `; did you mean ${guess}?` : '.';
  throw new UserError(
    `no pretrained network is called "${name}"${hint} There are: ${names.join(', ')}; ` +
      'for a file, give its path, which ends in .safetensors or .onnx',
  );
}

/** What a bundle with this network's weights must contain: who made them, and the text of their licence. */
export function licenceNotice({ title, credit, licence, licenceFile }: PretrainedModel): string {
  const text = readFileSync(join(PACKAGE_MODELS, licenceFile), 'utf8');
  return `The weights of this model start from ${title}.\n${credit}.\nLicence: ${licence}, as follows.\n\n${text}`;
}
