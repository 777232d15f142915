import { existsSync, rmSync } from 'node:fs';
import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { exitsOf } from '../base/exits.js';
import { writeFileAtomic } from '../base/files.js';
import { readJson } from '../base/json.js';
import { detailsSchema } from './evaluation-details.js';
import { type Run, runFile } from './run-directory.js';

const share = z.number().min(0).max(1);
const accuracy = z.looseObject({ accuracy: share });
/** With several exits, the share of samples that exit early at each. */
const exitRatios = z.array(share).min(2).readonly().optional();
const spread = z.looseObject({ mean: z.number(), std: z.number() });
const curve = z
  .array(z.looseObject({ tau: z.number(), accuracy: share, exitRatio: share }))
  .min(1)
  .readonly();

/**
 * `tau.json`, the result of `tune-tau` on the validation images, as far as later stages read it. Shares in [0, 1]. With
 * several exits, `further` contains the same fields for the later exits.
 */
export const tunedSchema = z.looseObject({
  tau: share,
  /** Divides the logits before the entropy is computed. Missing in runs that an older version tuned: 1. */
  entropyTemperature: z.number().positive().optional(),
  method: z.string(),
  objective: z.string(),
  epsilon: z.number().optional(),
  note: z.string().optional(),
  samples: z.int().positive(),
  /** Early exits by true class. Missing in runs that an older version tuned. */
  byClass: z.array(z.looseObject({ name: z.string(), samples: z.int(), exits: z.int(), harmful: z.int() })).optional(),
  /** Classes for which `epsilon` is proven, with `--per-class`. */
  certified: z.looseObject({ classes: z.array(z.int()), delta: z.number(), needed: z.int() }).optional(),
  full: accuracy,
  branch: accuracy,
  collaborative: z.looseObject({ accuracy: share, exitRatio: share, exitRatios }),
  folds: z.looseObject({ count: z.int(), samples: z.int(), epsilon: z.number().optional(), tau: spread }),
  curve,
  further: z
    .array(z.looseObject({ tau: share, branch: accuracy, folds: z.looseObject({ tau: spread }), curve }))
    .min(1)
    .optional(),
});

/**
 * `test.json`, the result of `evaluate` on the test split. `collaborative` is null if no τ was tuned yet; its `tau` is a
 * list if there are several exits.
 */
export const testedSchema = z.strictObject({
  full: accuracy,
  branch: accuracy,
  collaborative: z
    .strictObject({
      accuracy: share,
      exitRatio: share,
      exitRatios,
      /** Images that exit early with a wrong answer although the full branch is right. Missing in runs of older versions. */
      harm: share.optional(),
      tau: z.union([share, z.array(share).min(2)]),
    })
    .nullable(),
  samples: z.int().positive(),
  further: z
    .array(z.strictObject({ branch: accuracy }))
    .min(1)
    .optional(),
  details: detailsSchema.optional(),
});

/** `unknown.json`, what `evaluate --unknown` found at these thresholds: the answers to images of no class. */
export const unknownSchema = z.looseObject({
  tau: z.union([share, z.array(share).min(2)]),
  folder: z.string(),
  images: z.int().positive(),
  exits: z.int().nonnegative(),
  exitRatio: share,
  /** Exit ratio of the test images, for comparison. */
  testExitRatio: share,
  /** Early answers by class, the most frequent first. */
  answers: z.array(z.looseObject({ name: z.string(), exits: z.int() })),
  scores: z.array(
    z.looseObject({
      score: z.string(),
      area: share,
      areaAmongEarly: share.nullable(),
      unknownPassing: share.nullable(),
    }),
  ),
  /** Early exits with the lowest entropy. */
  surest: z.array(z.looseObject({ file: z.string(), answer: z.string(), entropy: z.number() })),
});

const SCHEMAS = { tau: tunedSchema, test: testedSchema, unknown: unknownSchema };
const WRITERS = { tau: 'tune-tau', test: 'evaluate', unknown: 'evaluate --unknown' };

export type Tuned = z.infer<typeof tunedSchema>;
export type Tested = z.infer<typeof testedSchema>;
export type Unknown = z.infer<typeof unknownSchema>;

/** A result of a run; undefined if it doesn't exist yet. @throws UserError if the file is invalid */
export function readResult<Name extends keyof typeof SCHEMAS>(
  run: Pick<Run, 'path'>,
  name: Name,
): z.infer<(typeof SCHEMAS)[Name]> | undefined {
  const path = runFile(run, name);
  if (!existsSync(path)) return undefined;
  // TypeScript doesn't connect `SCHEMAS[name]` with the type of `name`.
  const schema: z.ZodType = SCHEMAS[name];
  const result = readJson(path, schema, `what "lcdnn ${WRITERS[name]}" writes`, 'run it again');
  return result as z.infer<(typeof SCHEMAS)[Name]>;
}

/** The rule for early exits: an image takes the first exit at which its entropy is below the threshold. */
export interface ExitRule {
  readonly taus: readonly number[];
  /** Divides the logits before the entropy is computed. */
  readonly entropyTemperature: number;
}

/** What `tune-tau` chose; undefined if nothing was tuned yet. @throws UserError if the number of thresholds is wrong */
export function readExitRule(run: Run): ExitRule | undefined {
  const tuned = readResult(run, 'tau');
  if (tuned === undefined) return undefined;
  const taus = exitsOf<{ readonly tau: number }>(tuned).map(({ tau }) => tau);
  const exits = exitsOf(run.network).length;
  if (taus.length !== exits) {
    throw new UserError(
      `${runFile(run, 'tau')}: expected a threshold for each of ${exits} exits, found ${taus.length}; ` +
        `run "lcdnn tune-tau ${run.path}" again`,
    );
  }
  return { taus, entropyTemperature: tuned.entropyTemperature ?? 1 };
}

/** Writes a result to the run directory. */
export function writeResult(run: Pick<Run, 'path'>, name: keyof typeof SCHEMAS, result: object): void {
  writeFileAtomic(runFile(run, name), `${JSON.stringify(result, null, 1)}\n`);
}

/** Pictures of the gallery as data URLs, by index of the test image; empty if there are none. */
export function readGalleryPictures(run: Pick<Run, 'path'>): Record<string, string> {
  const path = runFile(run, 'gallery');
  if (!existsSync(path)) return {};
  return readJson(path, z.record(z.string(), z.string()), 'the pictures of a gallery', 'run "lcdnn evaluate" again');
}

export function writeGalleryPictures(run: Pick<Run, 'path'>, pictures: Readonly<Record<string, string>>): void {
  writeFileAtomic(runFile(run, 'gallery'), `${JSON.stringify(pictures)}\n`);
}

/** Removes the results of a network that was trained further since. @returns whether there were any */
export function removeResults(run: Pick<Run, 'path'>): boolean {
  const files = (['tau', 'tauSvg', 'tauPng', 'test', 'gallery', 'unknown'] as const).map((file) => runFile(run, file));
  const present = files.filter((file) => existsSync(file));
  for (const file of present) rmSync(file);
  return present.length > 0;
}
