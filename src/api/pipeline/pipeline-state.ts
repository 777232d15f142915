import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readFileOrExplain, writeFileAtomic } from '../../base/files.js';
import { refuseNewerFormat } from '../../base/format-version.js';
import { sha256 } from '../../base/hash.js';
import { checkValue, readJson } from '../../base/json.js';

export const PIPELINE_STEPS = ['check', 'train', 'tune', 'evaluate', 'gates', 'export'] as const;
export type PipelineStep = (typeof PIPELINE_STEPS)[number];

const FORMAT = 'lcdnn-pipeline-1';

const stepRecord = z.strictObject({
  /** SHA-256 of everything that the step depends on. */
  inputs: z.string(),
  /** SHA-256 of the file that it wrote. */
  output: z.string().optional(),
  /** What the step found, for steps that write no file. */
  result: z.unknown().optional(),
});

const stateSchema = z.strictObject({
  format: z.literal(FORMAT),
  steps: z.partialRecord(z.enum(PIPELINE_STEPS), stepRecord),
});

/** The steps that a pipeline has completed in its folder. */
export interface PipelineState {
  /** The result of a step, if it was completed with these inputs and its output is unchanged. */
  completed(step: PipelineStep, inputs: string, output?: string): { readonly result?: unknown } | undefined;
  record(step: PipelineStep, inputs: string, done: { readonly output?: string; readonly result?: unknown }): void;
}

/** Opens `pipeline.json` of a pipeline's folder, or begins with an empty one. @throws UserError if it is damaged */
export function openPipelineState(folder: string): PipelineState {
  const path = join(folder, 'pipeline.json');
  const steps: z.infer<typeof stateSchema>['steps'] = existsSync(path) ? readState(path).steps : {};
  return {
    completed(step, inputs, output) {
      const record = steps[step];
      if (record?.inputs !== inputs) return undefined;
      return output === undefined || record.output === hashOf(output) ? record : undefined;
    },
    record(step, inputs, { output, result }) {
      steps[step] = { inputs, output: output === undefined ? undefined : hashOf(output), result };
      writeFileAtomic(path, `${JSON.stringify({ format: FORMAT, steps }, null, 2)}\n`);
    },
  };
}

function readState(path: string): z.infer<typeof stateSchema> {
  const written = readJson(path, z.unknown(), WHAT, ADVICE);
  refuseNewerFormat(written, 1, path, WHAT);
  return checkValue(written, stateSchema, path, WHAT, ADVICE);
}

const WHAT = 'what "lcdnn pipeline" writes';
const ADVICE = 'remove it to run every step again';

const hashOf = (path: string): string | undefined =>
  existsSync(path) ? sha256(readFileOrExplain(path, 'the result of a step')) : undefined;

/** A hash of plain data that a step depends on. */
export const inputsHash = (...inputs: readonly unknown[]): string => sha256(JSON.stringify(inputs));
