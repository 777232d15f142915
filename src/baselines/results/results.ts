import { z } from 'zod';
import { readJson } from '../../base/json.js';

/** Version of the file. A reader rejects other versions. */
export const RESULTS_FORMAT = 1;

const share = z.number().min(0).max(1);
const milliseconds = z.number().nonnegative();
const bytes = z.number().nonnegative();

/** Ways to classify an image in a browser, in the order of tables. */
export const APPROACHES = [
  'lcdnn',
  'lcdnn-first',
  'mobile-only',
  'mobile-only-int8',
  'litert',
  'litert-int8',
  'edge-only',
  'neurosurgeon',
  'edgent',
  'mobilenet-v2',
  'student',
  'binary',
] as const;
export type Approach = (typeof APPROACHES)[number];

/** The parts of an answer's time, in ms, mean over the answers. The rest of the total is the page's own work. */
const parts = z.strictObject({
  /** Download of what runs in the page: model files and the runtime. */
  downloadMs: milliseconds,
  /** Preparation of the files: compiling, unpacking, opening the model. */
  compileMs: milliseconds,
  /** Computing layers in the page. */
  computeMs: milliseconds,
  /** A request to the edge, without the server's time. */
  uplinkMs: milliseconds,
  /** The server's time. */
  edgeMs: milliseconds,
});
export type Parts = z.infer<typeof parts>;

const answers = z.strictObject({
  /** From the request to the answer. */
  meanMs: milliseconds,
  p50Ms: milliseconds,
  p95Ms: milliseconds,
  parts,
  /** Bytes per answer, mean; bodies as they are sent. */
  bytesDown: bytes,
  bytesUp: bytes,
  /** Each answer's values, in the order of the images. */
  eachMs: z.array(milliseconds).min(1),
});
export type AnswerTimes = z.infer<typeof answers>;

export const measurementSchema = z.strictObject({
  /** Name in the table of connections. */
  connection: z.string(),
  /** Factor by which the browser's processor is slowed down, relative to this machine. */
  slowdown: z.number().min(1),
  /** The first answer of a page with an empty cache. */
  cold: answers,
  /** Answers of a page that has loaded everything. */
  warm: answers,
});
export type Measurement = z.infer<typeof measurementSchema>;

const approach = z.strictObject({
  approach: z.enum(APPROACHES),
  /** Short description of what runs where. If it differs by connection, it describes the first one. */
  plan: z.string(),
  /** Accuracy on the test split; absent if its network was not trained. */
  accuracy: z.strictObject({ share, images: z.int().positive() }).optional(),
  /** Bytes that a page downloads before its first answer, as sent. */
  downloadBytes: bytes,
  edge: z.strictObject({
    /** Share of the images for which the edge is called. */
    asked: share,
    /** CPU time of the server per classified image, whether or not the edge was called for it. */
    cpuMs: milliseconds,
    /** Images that one core of the edge can support; absent if the edge is never called. */
    perSecond: z.number().positive().optional(),
    /** Energy of the server's processor per image that it receives, from its own counters (RAPL), in J. */
    joules: z.number().nonnegative().optional(),
  }),
  measurements: z.array(measurementSchema).min(1),
});
export type ApproachResults = z.infer<typeof approach>;

const network = z.strictObject({
  network: z.string(),
  dataset: z.string(),
  /** Short description of the training: epochs, images, seed. */
  training: z.string(),
  tau: share,
  /** Results of the joint network on the test split. */
  accuracy: z.strictObject({ full: share, branch: share, both: share, exitRatio: share, images: z.int().positive() }),
  /** Overall accuracy and exit ratio by τ on the validation images, on which τ was chosen. */
  curve: z.array(z.strictObject({ tau: share, accuracy: share, exitRatio: share })),
  approaches: z.array(approach).min(1),
});
export type NetworkResults = z.infer<typeof network>;

export const systemResultsSchema = z.strictObject({
  format: z.literal(RESULTS_FORMAT),
  /** ISO 8601. */
  date: z.string(),
  machine: z.strictObject({ processor: z.string(), cores: z.int().positive(), browser: z.string() }),
  settings: z.strictObject({
    images: z.int().positive(),
    seed: z.int().nonnegative(),
  }),
  networks: z.array(network).min(1),
});

/** The results of `lcdnn bench system`. */
export type SystemResults = z.infer<typeof systemResultsSchema>;

/** @throws UserError if the file isn't a result of `bench system` */
export function readSystemResults(path: string): SystemResults {
  return readJson(path, systemResultsSchema, 'what "lcdnn bench system" writes', 'measure again');
}
