/**
 * An image as canvases give it: RGBA, rows from the top, 4 bytes a pixel. Turned to grey where the network needs it, and
 * brought to its size: stretched, or, where the manifest's input has `resize`, the middle of it, cropped to a square.
 */
export interface RgbaImage {
  readonly width: number;
  readonly height: number;
  readonly data: ArrayLike<number>;
}

/** What a page draws: elements and frames must be loaded, and of an origin that the page may read. */
export type Picture =
  | ImageBitmap
  | HTMLImageElement
  | HTMLCanvasElement
  | HTMLVideoElement
  | OffscreenCanvas
  | VideoFrame
  | Blob;

/**
 * What can be classified: RGBA pixels (`ImageData`) or a picture of any size; exactly height * width * channels pixel
 * values 0..255; or as many values that are normalised already (`Float32Array`). NHWC. Read when it is given: it may
 * change afterwards.
 *
 * An image of another size than the network's is resized as the trainer resized (libvips: Lanczos to shrink, cubic to
 * grow). Of the resulting levels, 0..255, photographs differ from the trainer's by 0.2 to 1.2 on average: libvips
 * computes with weights of fewer digits, and halves what is much larger by averaging first.
 */
export type Image = RgbaImage | Picture | Uint8Array | Uint8ClampedArray | Float32Array;

/** What is sent to the edge, in the datatype of the manifest's tail: float32, the bits of halves, or bytes. */
export type EdgeTensor = Float32Array | Uint16Array | Uint8Array;

/** Answers what the branch is unsure of: a tensor of the given shape [1, ...] in, as the tail takes it; logits out. */
export type EdgeFunction = (tensor: EdgeTensor, shape: number[], signal: AbortSignal) => Promise<ArrayLike<number>>;

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
  /**
   * Run the branch in a Worker, so that it never holds up the page; default: in pages, not in Node or other Workers.
   * Where a Worker can't be had, as by a content security policy without `worker-src 'self'` or for a bundle of another
   * origin, the branch runs in the page; `worker` of the model says where.
   */
  worker?: boolean;
  /** Hears how many bytes of weights and WebAssembly are here, from when their number is known until all are. */
  onProgress?: (progress: { loaded: number; total: number }) => void;
  /** Stops loading. */
  signal?: AbortSignal;
}

export interface BranchOutput {
  logits: Float32Array;
  probabilities: Float32Array;
  /** Normalised entropy of the probabilities, in [0, 1]. */
  entropy: number;
  /**
   * Output of the shared layers up to this exit, NHWC. Of the last exit, what the edge would be sent, before it is encoded:
   * behind the pools and ReLUs that the rest of the network begins with, or the normalised image.
   */
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
  readonly tail: {
    readonly shape: readonly number[];
    readonly input: string;
    readonly output: string;
    /** How what is sent travels: float32 where this is absent. */
    readonly datatype?: 'FP16' | 'UINT8';
    /** Of bytes, channel by channel: the value is scale * byte + offset. */
    readonly scale?: readonly number[];
    readonly offset?: readonly number[];
    /** Present where the image itself is sent. */
    readonly from?: 'image';
  };
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
  /** Whether the branch runs in a Worker. */
  readonly worker: boolean;
  /** Whether hashes were checked: pages without https (localhost apart) have no `crypto.subtle`, there only sizes are. */
  readonly verified: boolean;
  /**
   * Algorithm 3. Rejects where the image makes no sense, `signal` fires or the Worker failed; an edge that is away is no
   * error.
   */
  classify(image: Image, options?: { signal?: AbortSignal }): Promise<Classification>;
  /** The branch alone; of several exits the one of this number, from 1 (default). */
  branch(image: Image, exit?: number): Promise<BranchOutput>;
  /** Ends the Worker and lets go of the memory; what is being asked, and whatever is asked afterwards, is rejected. */
  dispose(): void;
}

/**
 * Loads the model of a bundle.
 *
 * @param base the bundle's folder, `http(s):` or (in Node) `file:`; default: where this module lies, or
 *   where a bundler put the files beside it.
 * @throws Error with one line where a file is missing or is not the one that the manifest lists.
 * @example
 * import { load } from './lcdnn.js';
 * const model = await load();
 * const { label, by } = await model.classify(document.querySelector('img'));
 */
export function load(base?: string | URL, options?: LoadOptions): Promise<Model>;
