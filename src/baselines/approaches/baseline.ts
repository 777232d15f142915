import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readFileOrExplain } from '../../base/files.js';
import { readJson } from '../../base/json.js';
import type { Encoding } from '../../export/uplink/encoding.js';

const shape = z.array(z.int().positive()).min(1).max(3);

const schema = z.strictObject({
  approach: z.string(),
  /** Short description of what runs in the page and what on the edge. */
  plan: z.string(),
  network: z.string(),
  classes: z.int().positive(),
  /** Shape of an image: NHWC without N. */
  input: shape,
  device: z.strictObject({ place: z.enum(['before', 'after']), input: shape }).optional(),
  edge: z
    .strictObject({
      input: shape,
      output: shape,
      datatype: z.literal('UINT8').optional(),
      scale: z.array(z.number().positive()).optional(),
      offset: z.array(z.number()).optional(),
    })
    .optional(),
});

/**
 * An approach with its models: the device's part, which runs in the page before or after the edge, and the edge's part.
 */
export interface Baseline {
  readonly facts: BaselineFacts;
  /** ONNX model; input and output are float32 [batch, ...]. */
  readonly device?: Uint8Array;
  /** ONNX model; its input is what the page sends, in the encoding it is sent in. */
  readonly edge?: Uint8Array;
}

/** The contents of `baseline.json`, beside the models. */
export type BaselineFacts = z.infer<typeof schema>;

export const BASELINE_FILES = { facts: 'baseline.json', device: 'device.onnx', edge: 'edge.onnx' } as const;

/** The files of a baseline, by name. */
export function baselineFiles({ facts, device, edge }: Baseline): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>([
    [BASELINE_FILES.facts, Buffer.from(`${JSON.stringify(facts, null, 2)}\n`)],
  ]);
  if (device) files.set(BASELINE_FILES.device, device);
  if (edge) files.set(BASELINE_FILES.edge, edge);
  return files;
}

/** @throws UserError if the folder doesn't hold a baseline that "lcdnn baseline plan" wrote */
export function readBaseline(folder: string): Baseline {
  const path = join(folder, BASELINE_FILES.facts);
  const facts = readJson(path, schema, 'what "lcdnn baseline plan" writes', 'plan it again');
  const read = (file: string) => readFileOrExplain(join(folder, file), 'a model of the baseline');
  return {
    facts,
    ...(facts.device ? { device: read(BASELINE_FILES.device) } : {}),
    ...(facts.edge ? { edge: read(BASELINE_FILES.edge) } : {}),
  };
}

/** Code of a baseline's module for the page. @param model name of its edge part on the server */
export function baselineModule({ facts }: Baseline, model: string, names: { input: string; output: string }): string {
  const { input, device, edge } = facts;
  const encoding: Encoding = edge ? { datatype: edge.datatype, scale: edge.scale, offset: edge.offset } : {};
  const plan = {
    input,
    ...(device ? { device: { file: BASELINE_FILES.device, ...device } } : {}),
    ...(edge ? { edge: { model, ...names, shape: edge.input, ...encoding } } : {}),
  };
  const template = readFileSync(new URL('../../../templates/measure/baseline.js', import.meta.url), 'utf8');
  const [before, rest] = template.split('// <plan>');
  const after = rest.slice(rest.indexOf('// </plan>'));
  return `${before}const PLAN = ${JSON.stringify(plan)};\n${after}`;
}
