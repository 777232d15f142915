import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readFileOrExplain, writeFileAtomic } from '../../base/files.js';
import { sha256 } from '../../base/hash.js';
import { readJson } from '../../base/json.js';

export const PIPELINE_STEPS = ['check', 'train', 'tune', 'evaluate', 'gates', 'export'] as const;
export type PipelineStep = (typeof PIPELINE_STEPS)[number];

const stepRecord = z.strictObject({
  /** SHA-256 of everything that the step depends on. */
  inputs: z.string(),
  /** SHA-256 of the file that it wrote. */
  output: z.string().optional(),
  /** What the step found, for steps that write no file. */
  result: z.unknown().optional(),
});

const stateSchema = z.strictObject({
  format: z.literal('lcdnn-pipeline-1'),
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
  const { steps }: z.infer<typeof stateSchema> = existsSync(path)
    ? readJson(path, stateSchema, 'what "lcdnn pipeline" writes', 'remove it to run every step again')
    : { format: 'lcdnn-pipeline-1', steps: {} };
  return {
    completed(step, inputs, output) {
      const record = steps[step];
      if (record?.inputs !== inputs) return undefined;
      return output === undefined || record.output === hashOf(output) ? record : undefined;
    },
    record(step, inputs, { output, result }) {
      steps[step] = { inputs, output: output === undefined ? undefined : hashOf(output), result };
      writeFileAtomic(path, `${JSON.stringify({ format: 'lcdnn-pipeline-1', steps }, null, 2)}\n`);
    },
  };
}

const hashOf = (path: string): string | undefined =>
  existsSync(path) ? sha256(readFileOrExplain(path, 'the result of a step')) : undefined;

/** A hash of plain data that a step depends on. */
export const inputsHash = (...inputs: readonly unknown[]): string => sha256(JSON.stringify(inputs));
