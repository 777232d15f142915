import { z } from 'zod';

/** Version of the bundle's layout; a reader refuses another. */
export const BUNDLE_FORMAT = 1;

/** Size and hash of a file of the bundle: what loader, predict and serve check. */
const bundleFile = z.strictObject({
  bytes: z.int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

const shape = z.array(z.int().positive()).min(1).max(3);

/** `manifest.json` of a bundle. */
export const manifestSchema = z.strictObject({
  format: z.literal(BUNDLE_FORMAT),
  /** The name the edge server knows the model by: lower case, digits, hyphens. */
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
  /** First digits of a hash over all files: two bundles with the same version are the same. */
  version: z.string().regex(/^[0-9a-f]{12}$/),
  network: z.string(),
  dataset: z.string(),
  /** Height, width, channels of an image; a pixel value becomes (value / 255 - mean[c]) / std[c]. */
  input: z.strictObject({
    shape: z.tuple([z.int().positive(), z.int().positive(), z.int().positive()]),
    mean: z.array(z.number()),
    std: z.array(z.number().positive()),
  }),
  /** What the branch sends to the edge when unsure (shape NHWC without N), and the names of the tail's tensors. */
  tail: z.strictObject({ file: z.string(), shape, input: z.string(), output: z.string() }),
  labels: z.array(z.string()).min(2),
  /** Exit at the branch where the normalised entropy is below this (Algorithm 3). */
  tau: z.number().min(0).max(1),
  /** Every other file of the bundle: relative path, forward slashes. */
  files: z.record(z.string(), bundleFile),
  /** How the bundle came to be: versions, seed, measured accuracies. For people; no reader depends on it. */
  provenance: z.record(z.string(), z.unknown()),
});

export type Manifest = z.infer<typeof manifestSchema>;
