import { basename, join } from 'node:path';
import { z } from 'zod';
import { exitsOf } from '../base/exits.js';
import { readFileOrExplain } from '../base/files.js';
import { sha256 } from '../base/hash.js';
import { MANIFEST_FILE, type Manifest } from '../bundle/manifest.js';
import { UPLINKS } from '../export/uplink/encoding.js';
import type { Config } from '../run/config.js';
import type { DataRecord } from '../run/data-record.js';
import { readResult, type Tested, type Tuned } from '../run/results.js';
import { type Run, runFile } from '../run/run-directory.js';
import { BUILD_INFO } from './build-info.js';

export const PROVENANCE_FORMAT = 'lcdnn-provenance-1';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const share = z.number().min(0).max(1);
const whole = z.int().nonnegative();
const thresholds = z.union([share, z.array(share).min(2)]);

const accuraciesSchema = z.strictObject({
  images: whole,
  full: share,
  /** One for each exit. */
  branches: z.array(share),
  both: share.optional(),
  exitRatio: share.optional(),
  harm: share.optional(),
});

/** Options of `lcdnn export` that decide a bundle's bytes. */
const exportOptionsSchema = z.strictObject({
  name: z.string(),
  uplink: z.enum(['auto', ...UPLINKS]),
  edge: z.string().optional(),
});

/**
 * `provenance.json`: what a bundle was made from. It contains no times, paths or host names, so that the same inputs give
 * the same bytes. Shares in [0, 1].
 */
export const provenanceSchema = z.strictObject({
  format: z.literal(PROVENANCE_FORMAT),
  /** The package that exported the bundle. */
  lcdnn: z.strictObject({
    version: z.string(),
    commit: z.string().optional(),
    /** Whether the package's files differed from that commit. */
    modified: z.boolean().optional(),
  }),
  /** Node and the kind of machine that the bundle was exported on. */
  platform: z.strictObject({ node: z.string(), system: z.string(), processor: z.string() }),
  bundle: z.strictObject({ name: z.string(), version: z.string(), /** SHA-256 of `manifest.json`. */ manifest: hash }),
  export: exportOptionsSchema,
  run: z.strictObject({
    /** SHA-256 of the options without the data's folder. */
    config: hash,
    /** SHA-256 of `checkpoint.safetensors`. */
    checkpoint: hash,
    /** Options of the training. Files are named without their folders. */
    options: z.record(z.string(), z.unknown()),
  }),
  data: z.strictObject({
    dataset: z.string(),
    /** SHA-256 of all images with their classes. */
    fingerprint: hash,
    splitRule: z.enum(['content', 'position']),
    images: z.strictObject({ train: whole, validation: whole, test: whole }),
  }),
  /** Tuned on the validation images. */
  tau: z.strictObject({
    value: thresholds,
    /** Divides the logits before the entropy is computed. Absent if that is 1. */
    entropyTemperature: z.number().positive().optional(),
    method: z.string(),
    objective: z.string(),
  }),
  accuracy: z.strictObject({
    validation: accuraciesSchema,
    /** Absent if the run wasn't evaluated. */
    test: accuraciesSchema.optional(),
  }),
});

export type Provenance = z.infer<typeof provenanceSchema>;
export type RecordedExport = z.infer<typeof exportOptionsSchema>;

/** What the provenance of a bundle is collected from. */
export interface ProvenanceSources {
  readonly version: string;
  readonly run: Run;
  readonly data: DataRecord;
  readonly manifest: Manifest;
  /** Folder of the bundle. */
  readonly bundle: string;
  readonly uplink: RecordedExport['uplink'];
}

/** Collects the provenance of a bundle that was just written. */
export function collectProvenance({ version, run, data, manifest, bundle, uplink }: ProvenanceSources): Provenance {
  const tuned = readResult(run, 'tau')!;
  const tested = readResult(run, 'test');
  const options = portableOptions(run.config);
  return {
    format: PROVENANCE_FORMAT,
    lcdnn: { version, ...BUILD_INFO },
    platform: { node: process.versions.node, system: process.platform, processor: process.arch },
    bundle: {
      name: manifest.name,
      version: manifest.version,
      manifest: hashOfFile(join(bundle, MANIFEST_FILE), 'the manifest of a bundle'),
    },
    export: { name: manifest.name, uplink, edge: manifest.edge },
    run: {
      config: sha256(JSON.stringify(options)),
      checkpoint: hashOfFile(runFile(run, 'checkpoint'), 'a checkpoint'),
      options,
    },
    data: {
      dataset: data.dataset,
      fingerprint: data.fingerprint,
      splitRule: data.splitRule,
      images: data.images,
    },
    tau: {
      value: manifest.tau,
      entropyTemperature: manifest.entropyTemperature,
      method: tuned.method,
      objective: tuned.objective,
    },
    accuracy: { validation: accuraciesOf(run, tuned), ...(tested ? { test: accuraciesOf(run, tested) } : {}) },
  };
}

const hashOfFile = (path: string, what: string): string => sha256(readFileOrExplain(path, what));

/** Options of a run by name, in alphabetical order, without folders: another machine has others. */
export function portableOptions({ dataDir: _, ...config }: Config): Record<string, unknown> {
  const named = { ...config, initFrom: nameOf(config.initFrom), teacher: nameOf(config.teacher) };
  return Object.fromEntries(
    Object.entries(named)
      .filter(([, value]) => value !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

const nameOf = (path: string | undefined): string | undefined => path && basename(path);

function accuraciesOf({ network }: Run, result: Tuned | Tested): Provenance['accuracy']['validation'] {
  const branches = network.branch.length === 0 ? [] : exitsOf<Pick<Tested, 'branch'>>(result);
  const { collaborative } = result as Pick<Tested, 'collaborative'>;
  return {
    images: result.samples,
    full: result.full.accuracy,
    branches: branches.map(({ branch }) => branch.accuracy),
    both: collaborative?.accuracy,
    exitRatio: collaborative?.exitRatio,
    harm: collaborative?.harm,
  };
}
