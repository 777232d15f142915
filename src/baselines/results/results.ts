import { z } from 'zod';
import { readJson } from '../../base/json.js';

/** Version of the file; a reader refuses another. */
export const RESULTS_FORMAT = 1;

const share = z.number().min(0).max(1);
const milliseconds = z.number().nonnegative();
const bytes = z.number().nonnegative();

/** Ways to classify an image in a browser, in the order of tables. */
export const APPROACHES = [
  'lcdnn',
  'mobile-only',
  'mobile-only-int8',
  'edge-only',
  'neurosurgeon',
  'edgent',
  'mobilenet-v2',
  'student',
  'binary',
] as const;
export type Approach = (typeof APPROACHES)[number];

/** Where the time of an answer went, in ms, mean over the answers. What is left to the whole is the page's own. */
const parts = z.strictObject({
  /** Fetching what runs in the page: files, and the runtime with them. */
  downloadMs: milliseconds,
  /** From files to something that runs: compiling, unpacking, opening the model. */
  compileMs: milliseconds,
  /** Layers that are computed in the page. */
  computeMs: milliseconds,
  /** Of a request to the edge, without what the server does. */
  uplinkMs: milliseconds,
  /** The server's part of it. */
  edgeMs: milliseconds,
});
export type Parts = z.infer<typeof parts>;

const answers = z.strictObject({
  /** From the request to the answer. */
  meanMs: milliseconds,
  p50Ms: milliseconds,
  p95Ms: milliseconds,
  parts,
  /** Of one answer, mean; bodies as they travel. */
  bytesDown: bytes,
  bytesUp: bytes,
  /** One by one, in the order of the images. */
  eachMs: z.array(milliseconds).min(1),
});
export type AnswerTimes = z.infer<typeof answers>;

const measurement = z.strictObject({
  /** By its name in the table of connections. */
  connection: z.string(),
  /** How much slower than this machine's the browser's processor is made. */
  slowdown: z.number().min(1),
  /** The first answer of a page whose cache is empty. */
  cold: answers,
  /** Answers of a page that has everything. */
  warm: answers,
});
export type Measurement = z.infer<typeof measurement>;

const approach = z.strictObject({
  approach: z.enum(APPROACHES),
  /** What is computed where, in a few words; may differ by connection, then of the first one. */
  plan: z.string(),
  /** On the test split; absent where its network was not trained. */
  accuracy: z.strictObject({ share, images: z.int().positive() }).optional(),
  /** What a page fetches before its first answer, as it travels. */
  downloadBytes: bytes,
  edge: z.strictObject({
    /** Share of the images for which the edge is asked. */
    asked: share,
    /** Processor time of the server for one image that a user has classified, whoever answers it. */
    cpuMs: milliseconds,
    /** Images of users that one core of the edge carries; absent where it is never asked. */
    perSecond: z.number().positive().optional(),
    /** What the server's processor took for one image that it was asked about, by its own counters (RAPL), in J. */
    joules: z.number().nonnegative().optional(),
  }),
  measurements: z.array(measurement).min(1),
});
export type ApproachResults = z.infer<typeof approach>;

const network = z.strictObject({
  network: z.string(),
  dataset: z.string(),
  /** How it was trained, in a few words: epochs, images, seed. */
  training: z.string(),
  tau: share,
  /** Of the joint network on the test split. */
  accuracy: z.strictObject({ full: share, branch: share, both: share, exitRatio: share, images: z.int().positive() }),
  /** Overall accuracy and exits by τ on the validation images, which τ was chosen by. */
  curve: z.array(z.strictObject({ tau: share, accuracy: share, exitRatio: share })),
  approaches: z.array(approach).min(1),
});
export type NetworkResults = z.infer<typeof network>;

const resultsSchema = z.strictObject({
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

/** What `lcdnn bench system` measured. */
export type SystemResults = z.infer<typeof resultsSchema>;

/** @throws UserError where the file is none of `bench system` */
export function readSystemResults(path: string): SystemResults {
  return readJson(path, resultsSchema, 'what "lcdnn bench system" writes', 'measure again');
}
