/**
 * An image as canvases give it: RGBA, rows from the top, 4 bytes a pixel. Turned to grey where the network needs it, and
 * brought to its size: stretched, or, where the manifest's input has `resize`, the middle of it, cropped to a square.
 */
export interface RgbaImage {
  readonly width: number;
  readonly height: number;
  readonly data: ArrayLike<number>;
}

/**
 * What can be classified: RGBA pixels of any size; exactly height * width * channels pixel values 0..255; or as many
 * values that are normalised already (`Float32Array`). NHWC.
 */
export type Image = RgbaImage | Uint8Array | Uint8ClampedArray | Float32Array;

/** Answers what the branch is unsure of: the shared layers' output of the given shape [1, ...] in, logits out. */
export type EdgeFunction = (tensor: Float32Array, shape: number[], signal: AbortSignal) => Promise<ArrayLike<number>>;

export interface LoadOptions {
  /**
   * Where the rest of the network is: the URL of a server of the Open Inference Protocol (without `/v2/...`), a function,
   * or `false` for none. Default: the origin that the bundle came from, where that is http(s).
   */
  edge?: string | URL | false | EdgeFunction;
  /** Take the SIMD build of the kernels; default: where the engine has SIMD128. */
  simd?: boolean;
  /** Exit at the branch below this entropy, instead of at the manifest's; a list has one for each exit, in order. */
  tau?: number | readonly number[];
  /** How long to wait for the edge, in milliseconds (3000). */
  timeoutMs?: number;
}

export interface BranchOutput {
  logits: Float32Array;
  probabilities: Float32Array;
  /** Normalised entropy of the probabilities, in [0, 1]. */
  entropy: number;
  /** Output of the shared layers up to this exit, NHWC: what the edge would be sent, where there is no further exit. */
  shared: Float32Array;
}

export interface Classification {
  /** The most probable class and its label. */
  index: number;
  label: string;
  /** Of whoever answered. */
  probabilities: Float32Array;
  /** Normalised entropy of the branch that was asked last, in [0, 1]. */
  entropy: number;
  by: 'branch' | 'edge';
  /** The exit whose branch answered, from 1; absent where the edge did. */
  exit?: number;
  /** The branch was unsure and the edge gave no answer; `edgeError` says why, and the answer is the branch's. */
  unsure: boolean;
  edgeError?: string;
  times: { branchMs: number; edgeMs: number };
  /** Body bytes of the exchange with an edge server. */
  bytes: { sent: number; received: number };
}

/** The fields of manifest.json that a page may want. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly network: string;
  readonly dataset: string;
  readonly input: {
    readonly shape: readonly [height: number, width: number, channels: number];
    readonly mean: readonly number[];
    readonly std: readonly number[];
    /** The shorter side of an image is brought to this many pixels, of which the middle is the input. */
    readonly resize?: number;
  };
  readonly tail: { readonly shape: readonly number[]; readonly input: string; readonly output: string };
  readonly labels: readonly string[];
  /** A list where the network has several exits. */
  readonly tau: number | readonly number[];
}

export interface Model {
  readonly manifest: Manifest;
  /** A list where the network has several exits. */
  readonly tau: number | readonly number[];
  /** Whether the SIMD build runs. */
  readonly simd: boolean;
  /** Whether hashes were checked: pages without https (localhost apart) have no `crypto.subtle`, there only sizes are. */
  readonly verified: boolean;
  /** Algorithm 3. Rejects where the image makes no sense or `signal` fires; an edge that is away is no error. */
  classify(image: Image, options?: { signal?: AbortSignal }): Promise<Classification>;
  /** The branch alone; of several exits the one of this number, from 1 (default). */
  branch(image: Image, exit?: number): BranchOutput;
  /** Lets go of the memory; the model can't be used afterwards. */
  dispose(): void;
}

/**
 * Loads the model of a bundle.
 *
 * @param base the bundle's folder, `http(s):` or (in Node) `file:`; default: where this module lies.
 * @throws Error with one line where a file is missing or is not the one that the manifest lists.
 * @example
 * import { load } from './lcdnn.js';
 * const model = await load();
 * const { label, by } = await model.classify(context.getImageData(0, 0, canvas.width, canvas.height));
 */
export function load(base?: string | URL, options?: LoadOptions): Promise<Model>;
