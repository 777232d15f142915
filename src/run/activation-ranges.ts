import { existsSync } from 'node:fs';
import { z } from 'zod';
import { writeFileAtomic } from '../base/files.js';
import { readJson } from '../base/json.js';
import type { ActivationRanges } from '../network/levels.js';
import { type Run, runFile } from './run-directory.js';

/** `ranges.json`: the ranges of activations that become levels, and a hash of the shared weights that they belong to. */
const schema = z.strictObject({
  weights: z.string(),
  ranges: z.record(z.string(), z.tuple([z.number(), z.number()])),
});

/** The stored ranges; undefined if there are none for these weights. @throws UserError if the file is damaged */
export function readActivationRanges(run: Run, weights: string): ActivationRanges | undefined {
  const path = runFile(run, 'ranges');
  if (!existsSync(path)) return undefined;
  const stored = readJson(path, schema, 'the ranges of activations', 'delete it: they are then measured again');
  return stored.weights === weights ? stored.ranges : undefined;
}

export function writeActivationRanges(run: Run, weights: string, ranges: ActivationRanges): void {
  writeFileAtomic(runFile(run, 'ranges'), `${JSON.stringify({ weights, ranges }, null, 2)}\n`);
}
