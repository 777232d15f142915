import { z } from 'zod';
import { sha256 } from '../base/hash.js';

/** Version of the bundle's layout. Readers know this one and the earlier ones: in format 1 no file had a list of its own. */
export const BUNDLE_FORMAT = 2;

/** The manifest's own file, the only one that it doesn't list. */
export const MANIFEST_FILE = 'manifest.json';

/** Sizes and hashes of the files that a page doesn't verify, so that no page downloads them with the manifest. */
export const FILES_FILE = 'files.json';

/** The rest of the full network. Manifests name this file, because other writers may name it otherwise. */
export const TAIL_FILE = 'edge/tail.onnx';

/** Files of every bundle besides the manifest and the tail. */
export const BUNDLE_FILES = {
  loader: 'lcdnn.js',
  edge: 'lcdnn-edge.js',
  stream: 'lcdnn-stream.js',
  types: 'lcdnn.d.ts',
  relaxedSimd: 'lcdnn-relaxed-simd.wasm',
  simd: 'lcdnn-simd.wasm',
  scalar: 'lcdnn-scalar.wasm',
  weights: 'weights.safetensors',
  package: 'package.json',
} as const;

/** Licence text of the network that a run started from, if its terms require that the text travels with the weights. */
export const LICENCES_FILE = 'LICENSE-weights.txt';

/** Files that a page verifies: `manifest.json` lists these itself. */
const LISTED_FOR_PAGES: readonly string[] = [
  BUNDLE_FILES.relaxedSimd,
  BUNDLE_FILES.simd,
  BUNDLE_FILES.scalar,
  BUNDLE_FILES.weights,
  FILES_FILE,
];

/** Whether a file of a bundle is only for the edge server. */
export const isOfEdge = (path: string): boolean => path.startsWith('edge/');

/** The largest file of a bundle: it fits in one buffer of Node and one fetch of a browser. */
const MAX_FILE_BYTES = 2 ** 31 - 1;

/** The largest side to which images are resized before they are cropped. */
const MAX_RESIZE = 65_535;

/** Size and hash of a file of the bundle, which loader, predict and serve check. */
const bundleFile = z.strictObject({
  bytes: z.int().nonnegative().max(MAX_FILE_BYTES),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/** A relative path inside the bundle: plain segments, forward slashes, no `..`. */
const bundlePath = z
  .string()
  .max(255)
  .regex(/^(?!\.{1,2}(\/|$))[\w.-]+(\/(?!\.{1,2}(\/|$))[\w.-]+)*$/, 'is no plain relative path')
  .refine((path) => path !== MANIFEST_FILE, 'is the manifest itself');

const threshold = z.number().min(0).max(1);

const shape = z.array(z.int().positive()).min(1).max(3);

/** Encoding of a tensor that is sent to the edge. */
const encodingFields = {
  shape,
  /** Absent for float32. */
  datatype: z.enum(['FP16', 'UINT8']).optional(),
  /** Only for UINT8, one per channel: a value is scale[c] * byte + offset[c], with an offset of 0 unless given. */
  scale: z.array(z.number().positive()).optional(),
  offset: z.array(z.number()).optional(),
};

interface SentTensor {
  readonly shape: readonly number[];
  readonly datatype?: 'FP16' | 'UINT8';
  readonly scale?: readonly number[];
  readonly offset?: readonly number[];
}

const hasItsScales = ({ datatype, shape, scale, offset = scale }: SentTensor): boolean => {
  const channels = datatype === 'UINT8' ? shape.at(-1) : undefined;
  return scale?.length === channels && offset?.length === channels;
};
const NEEDS_SCALES = { error: 'needs one scale (and offset) per channel if it is UINT8, and none otherwise' };

/** A model's name on the edge server. */
const modelName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,79}$/);

/** Where else the edge can take over, besides the tail. */
const entryPoint = z
  .strictObject({
    /** What is sent: the image as normalised values, or the output of an exit's shared layers, by the exit's number from 1. */
    from: z.union([z.literal('image'), z.int().positive()]),
    /** Its name on the edge server. */
    model: modelName,
    /** ONNX models that run one after another. The last one is the tail. */
    files: z.array(bundlePath).min(1).max(100),
    input: z.string(),
    output: z.string(),
    ...encodingFields,
  })
  .refine(hasItsScales, NEEDS_SCALES);

export type EntryPoint = z.infer<typeof entryPoint>;

const fields = {
  format: z.union([z.literal(1), z.literal(BUNDLE_FORMAT)]),
  /** The model's name on the edge server: lower-case letters, digits, hyphens. */
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
  network: z.string(),
  dataset: z.string(),
  /**
   * Height, width, channels of an image; a pixel value becomes (value / 255 - mean[c]) / std[c]. An image of another
   * size is stretched; with `resize`, its shorter side is resized to that and the middle is cropped.
   */
  input: z
    .strictObject({
      shape: z.tuple([z.int().positive(), z.int().positive(), z.int().positive()]),
      mean: z.array(z.number()),
      std: z.array(z.number().positive()),
      resize: z.int().positive().max(MAX_RESIZE).optional(),
    })
    .refine(({ shape, mean, std }) => mean.length === shape[2] && std.length === shape[2], {
      error: 'needs one mean and one std per channel',
    })
    .refine(({ shape: [height, width], resize = Infinity }) => resize >= Math.max(height, width), {
      error: 'needs a resize that is at least as large as its shape',
    }),
  /** What the device sends to the edge when unsure (shape is NHWC without N), and the names of the tail's tensors. */
  tail: z
    .strictObject({
      file: bundlePath,
      input: z.string(),
      output: z.string(),
      ...encodingFields,
      /** The device sends the image itself, as normalised values, instead of the shared layers' output. */
      from: z.literal('image').optional(),
    })
    .refine(hasItsScales, NEEDS_SCALES),
  /** Where else the edge can take over: for the image, and for the outputs of earlier exits. Bundles of version 0.1 have none. */
  entries: z
    .array(entryPoint)
    .min(1)
    .max(100)
    .refine((entries) => new Set(entries.map(({ model }) => model)).size === entries.length, {
      error: 'needs entry points with different models',
    })
    .optional(),
  labels: z.array(z.string()).min(2),
  /** The branch answers alone if its normalised entropy is below this (Algorithm 3). A list for several exits, in order. */
  tau: z.union([threshold, z.array(threshold).min(2).max(100)]),
  /** Divides the logits before the entropy is computed. Absent: 1. */
  entropyTemperature: z.number().positive().optional(),
  /** Address of the edge server: a URL, or a path where the bundle is fetched from. Absent: the root there. */
  edge: z
    .string()
    .max(2000)
    .refine((given) => URL.canParse(given, 'https://page.example/'), { error: 'is neither a URL nor a path' })
    .optional(),
  /** How the bundle was made: versions, seed, measured accuracies. For people; no reader depends on it. */
  provenance: z.record(z.string(), z.unknown()),
};

/** What `files.json` contains. */
export const fileListSchema = z.record(bundlePath, bundleFile);

/** `manifest.json` of a bundle, with the list in `files.json`. */
export const manifestSchema = z.strictObject({
  ...fields,
  /** First digits of a hash of all files and fields: two bundles with the same version give the same answers. */
  version: z.string().regex(/^[0-9a-f]{12}$/),
  /** Every other file of the bundle: relative path, forward slashes. */
  files: fileListSchema,
});

export type Manifest = z.infer<typeof manifestSchema>;

/** The manifest without the fields that `writeBundle` computes from the files. */
export type ManifestDraft = Omit<Manifest, 'format' | 'version' | 'files'>;

/** The manifest as pages download it: only with the files that a page verifies. The hash of `files.json` covers the others. */
export function pageManifest<Given extends Pick<Manifest, 'format' | 'files'>>(manifest: Given): Given {
  if (manifest.format === 1) return manifest;
  const files = Object.entries(manifest.files).filter(([path]) => LISTED_FOR_PAGES.includes(path));
  return { ...manifest, files: Object.fromEntries(files) };
}

/** The text of `files.json`: all files that `manifest.json` doesn't list. */
export function printFileList(files: Manifest['files']): string {
  const others = Object.entries(files).filter(([path]) => !LISTED_FOR_PAGES.includes(path));
  return `${JSON.stringify(Object.fromEntries(others))}\n`;
}

/**
 * The version of a manifest, computed from its other fields. Provenance doesn't count: the same model exported twice has the
 * same version. Readers compare it, so that they notice a τ or a label that was edited by hand as they notice a changed file.
 */
export function versionOf(manifest: Omit<Manifest, 'version'>): string {
  const { format, name, network, dataset, input, tail, entries, labels, tau, entropyTemperature } = manifest;
  const files = Object.entries(pageManifest(manifest).files).sort(([a], [b]) => (a < b ? -1 : 1));
  const tailFields = [tail.file, tail.shape, tail.input, tail.output];
  const { shape, mean, std, resize } = input;
  const hashed: unknown[] = [format, name, network, dataset, shape, mean, std, tailFields, labels, tau];
  if (resize !== undefined) hashed.push({ resize });
  if (entropyTemperature !== undefined) hashed.push({ entropyTemperature });
  if (manifest.edge !== undefined) hashed.push({ edge: manifest.edge });
  const { datatype, scale, offset, from } = tail;
  if (datatype) hashed.push({ datatype, scale, offset, from });
  for (const { from, model, files, input, output, shape, datatype, scale, offset } of entries ?? []) {
    hashed.push({ from, model, files, input, output, shape, datatype, scale, offset });
  }
  return sha256(JSON.stringify([...hashed, files.map(([path, file]) => [path, file.bytes, file.sha256])])).slice(0, 12);
}
