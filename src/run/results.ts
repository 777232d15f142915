import { existsSync } from 'node:fs';
import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { readJson, writeFileAtomic } from '../base/files.js';
import { type Run, runFile } from './run-directory.js';

const share = z.number().min(0).max(1);
const accuracy = z.looseObject({ accuracy: share });

/** What `tune-tau` found on the validation images, as far as later stages read it: `tau.json`. Shares in [0, 1]. */
const tunedSchema = z.looseObject({
  tau: share,
  method: z.string(),
  objective: z.string(),
  epsilon: z.number().optional(),
  note: z.string().optional(),
  samples: z.int().positive(),
  full: accuracy,
  branch: accuracy,
  collaborative: z.looseObject({ accuracy: share, exitRatio: share }),
  folds: z.looseObject({
    count: z.int(),
    samples: z.int(),
    epsilon: z.number().optional(),
    tau: z.looseObject({ mean: z.number(), std: z.number() }),
  }),
  curve: z
    .array(z.looseObject({ tau: z.number(), accuracy: share, exitRatio: share }))
    .min(1)
    .readonly(),
});

/** What `evaluate` measured on the test split: `test.json`. `collaborative` is null where no τ was tuned yet. */
const testedSchema = z.strictObject({
  full: accuracy,
  branch: accuracy,
  collaborative: z.strictObject({ accuracy: share, exitRatio: share, tau: share }).nullable(),
  samples: z.int().positive(),
});

const SCHEMAS = { tau: tunedSchema, test: testedSchema };
const WRITERS = { tau: 'tune-tau', test: 'evaluate' };

export type Tuned = z.infer<typeof tunedSchema>;
export type Tested = z.infer<typeof testedSchema>;

/** A result of a run; nothing where it is not there yet. @throws UserError where the file holds something else. */
export function readResult<Name extends keyof typeof SCHEMAS>(
  run: Pick<Run, 'path'>,
  name: Name,
): z.infer<(typeof SCHEMAS)[Name]> | undefined {
  const path = runFile(run, name);
  if (!existsSync(path)) return undefined;
  const command = `lcdnn ${WRITERS[name]}`;
  const parsed = SCHEMAS[name].safeParse(readJson(path, `what "${command}" writes`));
  if (parsed.success) return parsed.data as z.infer<(typeof SCHEMAS)[Name]>;
  const where = parsed.error.issues[0].path.join('.') || 'nothing of it';
  throw new UserError(`${path}: expected what "${command}" writes, found otherwise (${where}); run it again`);
}

/** Records a result in the run directory. */
export function writeResult(run: Pick<Run, 'path'>, name: keyof typeof SCHEMAS, result: object): void {
  writeFileAtomic(runFile(run, name), `${JSON.stringify(result, null, 1)}\n`);
}
