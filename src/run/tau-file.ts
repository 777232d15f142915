import { existsSync } from 'node:fs';
import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { readJson } from '../base/files.js';
import { type Run, runFile } from './run-directory.js';

const tauSchema = z.looseObject({ tau: z.number().min(0).max(1) });

/** The tuned τ of a run; nothing where it was not tuned yet. @throws UserError where the file holds no valid τ. */
export function readTau(run: Run): number | undefined {
  const path = runFile(run, 'tau');
  if (!existsSync(path)) return undefined;
  const parsed = tauSchema.safeParse(readJson(path, 'a tuned threshold'));
  if (!parsed.success) throw new UserError(`${path}: expected a tau in [0, 1], found none; run "lcdnn tune-tau" again`);
  return parsed.data.tau;
}
