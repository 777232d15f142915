import { z } from 'zod';
import { measurementSchema, systemResultsSchema } from '../../baselines/results/results.js';
import { deviceResultSchema } from '../../profiling/device-bench.js';
import { provenanceSchema } from '../../provenance/provenance.js';
import { doneSchema, failedSchema } from '../../run/ablation.js';
import { testedSchema, tunedSchema } from '../../run/results.js';
import { epochSchema } from '../../run/run-directory.js';
import * as part from './parts.js';

const { output, share, whole, number, text, time, gates } = part;

const split = output({ train: whole, validation: whole, test: whole });
const imageFacts = output({ split: z.enum(['train', 'validation', 'test']), label: text, name: text });
const pair = output({
  accuracies: z.tuple([share, share]),
  bothRight: whole,
  onlyFirst: whole,
  onlySecond: whole,
  bothWrong: whole,
  pValue: share,
});
const thresholds = z.union([share, z.array(share)]);
const costs = { floatParameters: whole, binaryWeights: whole, bytes: whole, macs: whole, binaryOps: whole };
const usePoint = output({ tau: share, exitRatio: share, disagreement: share });
const pricedDesign = output({ attach: text, branch: text, deviceBytes: whole, command: text, expectedMs: number });
const networkTotal = output(costs);
const cacheEntry = output({ name: text, kind: text, bytes: whole, used: text, inUse: z.boolean() });
const pipelineResult = output({
  run: text,
  bundle: text.optional(),
  version: text.optional(),
  card: text.optional(),
  steps: z.record(text, z.enum(['done', 'skipped', 'failed'])),
  gates: z.array(part.gateSchema),
  passed: z.boolean(),
  interrupted: z.boolean(),
});

/**
 * What each command prints with `--json`, by the command's name. `schemas/` has the same as JSON Schema. `serve` and
 * `gateway` run until they are stopped.
 */
export const OUTPUT_SCHEMAS = {
  ablate: output({ out: text, rows: z.array(z.union([doneSchema, failedSchema])) }),
  'baseline plan': output({ approach: part.approachName, plan: text }),
  'baseline run': output({ ...measurementSchema.shape, images: whole, right: whole }),
  'baseline train': output({ run: text, config: part.options, validation: epochSchema.optional() }),
  'bench device': output({ ...deviceResultSchema.shape, model: text, version: text, gates }),
  'bench edge': output({
    network: text,
    input: z.array(whole).length(3),
    classes: whole,
    tails: z.array(output({ attach: text, tailMs: z.array(time) })),
  }),
  'bench system': systemResultsSchema,
  'cache clear': output({ removed: z.array(cacheEntry), inUse: z.array(cacheEntry) }),
  'cache list': output({ folder: text, bytes: whole, limit: whole.nullable(), entries: z.array(cacheEntry) }),
  config: output({
    file: text.nullable(),
    commands: z.record(text, z.array(output({ flag: text, value: z.unknown().optional(), from: text.optional() }))),
  }),
  'data check': output({
    dataset: text,
    images: split,
    classes: z.array(output({ name: text, train: whole, validation: whole, test: whole })),
    broken: z.array(output({ file: text, reason: text })),
    ignored: z.array(output({ reason: text, count: whole })),
    copies: z.array(output({ first: imageFacts, second: imageFacts, exact: z.boolean() })),
    advice: z.array(output({ kind: text, text })),
    gates,
  }),
  'data fetch': output({ name: text, folder: text, origin: text, downloaded: z.array(z.unknown()) }),
  'data list': z.array(
    output({
      name: text,
      title: text,
      licence: text,
      images: output({ train: whole, test: whole }),
      shape: z.array(whole),
      labels: z.array(text),
      found: output({ origin: text, folder: text }).nullable(),
    }),
  ),
  'data verify': output({ verified: z.array(output({ name: text, file: text })) }),
  evaluate: output({
    ...testedSchema.shape,
    against: output({ samples: whole, full: pair, collaborative: pair.optional() }).optional(),
    gates,
  }),
  export: z.union([
    output({
      bundle: text,
      name: text,
      version: text,
      tau: thresholds,
      downloadBytes: whole,
      uplink: output({ choice: part.uplinkName, images: whole, png: number }),
      check: output({ images: whole, memoryBytes: whole, rounded: whole, otherClass: whole }),
      example: text.optional(),
      gates,
    }),
    output({ repository: text, name: text, version: text, files: z.array(text) }),
    output({
      bundle: text,
      identical: z.boolean(),
      files: whole,
      changed: z.array(output({ path: text, bundle: text.optional(), rebuilt: text.optional() })),
      differentInputs: z.array(text),
      gates,
    }),
  ]),
  import: output({
    run: text,
    config: part.options,
    warmStart: part.warmStartSchema,
    check: output({ images: whole, compared: z.enum(['logits', 'features']), difference: number }).optional(),
    form: text.optional(),
    validation: output({ images: whole, fullAccuracy: share }),
  }),
  inspect: z.union([
    output({
      network: output({ name: text, input: z.array(whole).length(3), classes: whole }),
      layers: z.array(output({ part: text, type: text, name: text, output: z.array(whole), ...costs })),
      full: networkTotal,
      device: networkTotal,
      exits: z.array(networkTotal),
      peakBytes: whole,
    }),
    output({
      name: text,
      version: text,
      network: text,
      dataset: text,
      tau: thresholds,
      labels: z.array(text),
      files: whole,
      bytes: whole,
      provenance: provenanceSchema.optional(),
    }),
  ]),
  learn: pipelineResult,
  'models fetch': output({ name: text, path: text, origin: text, downloaded: z.boolean() }),
  'models list': z.array(
    output({
      name: text,
      title: text,
      licence: text,
      bytes: whole,
      found: output({ path: text, origin: text }).nullable(),
    }),
  ),
  pipeline: pipelineResult,
  plan: output({
    network: output({ name: text, input: z.array(whole).length(3), classes: whole }),
    images: number,
    notes: z.unknown(),
    design: pricedDesign,
    places: z.array(pricedDesign),
    sizes: z.array(pricedDesign),
  }),
  predict: output({
    model: text,
    version: text,
    tau: thresholds,
    predictions: z.array(
      output({ file: text, label: text, index: whole, by: text, entropy: number, probabilities: z.array(share) }),
    ),
    skipped: z.array(output({ file: text, reason: text })),
  }),
  recipes: z.union([
    output({ recipes: z.array(output({ name: text, network: text, dataset: text, description: text })) }),
    output({ name: text, description: text, config: z.looseObject({}) }),
  ]),
  report: output({ out: text }),
  runs: output({
    runs: z.array(
      output({
        name: text,
        path: text,
        network: text,
        dataset: text,
        epochs: whole,
        plannedEpochs: whole,
        full: share.optional(),
        branches: z.array(share).optional(),
        collaborative: share.optional(),
        exitRatio: share.optional(),
        source: text.optional(),
      }),
    ),
    damaged: z.array(text),
  }),
  'schedule recommend': output({
    measure: text,
    policy: text,
    ranking: z.array(output({ policy: text, mean: number, half: number, tied: z.boolean() })),
  }),
  'schedule report': output({ out: text, figures: z.array(z.unknown()) }),
  'schedule simulate': output({ seeds: z.array(whole), episodes: whole, results: z.array(output({ policy: text })) }),
  'schedule train': output({ policy: text }),
  train: z.union([
    output({
      run: text,
      checkpoint: text,
      config: part.options,
      warmStart: part.warmStartSchema.optional(),
      validation: epochSchema.optional(),
    }),
    /** With --node-rank. */
    output({ run: text }).strict(),
    /** With --emit: the job file. */
    z.strictObject({ slurm: text }),
    z.strictObject({ kubernetes: text }),
  ]),
  'tune-tau': z.union([
    output({ ...tunedSchema.shape }),
    usePoint.extend({ model: text, version: text, reason: text, present: usePoint }),
  ]),
} as const satisfies Record<string, z.ZodType>;

/** What every command prints with `--json` if it fails with exit code 1 or 2. */
export const ERROR_SCHEMA = output({ error: output({ message: text }) });
