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
  /** How long a classification waits for the edge at most, whatever it tries, in milliseconds (3000). */
  timeoutMs?: number;
  /** Sent to an edge server as `Authorization: Bearer`; a function is asked for each request. */
  token?: string | (() => string | Promise<string>);
  /**
   * Let a server under load raise the last exit's threshold for a while (its header `lcdnn-tau`), so that less is asked
   * of it; never below `tau`. Default: false.
   */
  adaptTau?: boolean;
  /**
   * Share of the images that the branch is sure of which are sent to the edge all the same, behind the answer, so that
   * the server learns how often the branch is wrong where it is sure (`lcdnn tune-tau --from-server`). Default: 0.
   */
  audit?: number;
  /**
   * Hears, once for each, that the edge has another version of the model; `stale` of the model is true from then on. The
   * edge is asked for the version that is loaded as long as it has that, and never answers for another.
   */
  onStale?: (version: string) => void;
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

/** For one call. */
export interface ClassifyOptions {
  /**
   * Whether the edge is asked: where the branch is unsure (default), for every image, or for none; then an answer is
   * `unsure` without an `edgeError`.
   */
  edge?: 'when-unsure' | 'always' | 'never';
  /**
   * For the whole classification, in milliseconds. Where it runs out the branch's answer stands, which it never cuts
   * short. Default: none but `timeoutMs`.
   */
  budgetMs?: number;
  /** Rejects the call. */
  signal?: AbortSignal;
}

export interface Classification {
  /** The most probable class and its label. */
  index: number;
  label: string;
  /** Of whoever answered. */
  probabilities: Float32Array;
  /** Normalised entropy of the branch that was asked last, in [0, 1]. */
  entropy: number;
  /** Below it that branch is sure. */
  tau: number;
  by: 'branch' | 'edge';
  /** The exit whose branch answered, from 1; absent where the edge did. */
  exit?: number;
  /** The branch was unsure and the edge gave no answer: this is the branch's. */
  unsure: boolean;
  /** Why the edge, which was asked, gave no answer. */
  edgeError?: string;
  times: { branchMs: number; edgeMs: number };
  /** Body bytes of the exchange with an edge server. */
  bytes: { sent: number; received: number };
}

/** One frame of a stream. */
export interface StreamAnswer extends Classification {
  /** Number of the frame, from 1; what is missing was dropped. */
  frame: number;
  /** The edge's last answer, kept: the branch sees what it saw then. */
  cached?: true;
}

export interface StreamOptions extends ClassifyOptions {
  /**
   * Hears the answer for each frame that was classified. For a frame that goes to the edge it hears the branch's, unsure,
   * at once, and once more when the edge has answered, unless a newer frame was shown meanwhile.
   */
  onAnswer?: (answer: StreamAnswer) => void;
  /** Ends the stream. */
  signal?: AbortSignal;
  /** How long an answer of the edge holds for later frames in which the branch sees the same, in milliseconds (2000). */
  keepMs?: number;
  /** The same is: the branch's class, with an entropy that differs by at most this much (0.1). */
  similar?: number;
}

/**
 * What a stream is of: a video element (of a camera, a file, ...), or a function that gives one image after another, and
 * nothing at the end. It is asked at most once for each frame of the screen, when the image before is classified; bitmaps
 * and frames that it gives are closed afterwards.
 */
export type Source = HTMLVideoElement | (() => Image | null | undefined | Promise<Image | null | undefined>);

/** The edge as this model knows it. */
export interface EdgeStatus {
  /**
   * Of the circuit breaker: `closed`, the edge is asked; `open`, it failed three times in a row, or said when to come again,
   * and is left alone for a while, at first for about a second; `half-open`, the next question is a probe. `offline`: the
   * browser has no network. `none`: no edge was given.
   */
  state: 'none' | 'closed' | 'open' | 'half-open' | 'offline';
  /** What the server raised the last exit's threshold to, for now. */
  tau?: number;
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
  /** How it stands with the edge at this moment. */
  readonly edge: EdgeStatus;
  /** Whether the edge has said that it has another version of this model: load it again when it suits. */
  readonly stale: boolean;
  /**
   * Algorithm 3. Rejects where the image makes no sense, `signal` fires or the Worker failed; an edge that is away is no
   * error.
   */
  classify(image: Image, options?: ClassifyOptions): Promise<Classification>;
  /**
   * Classifies the newest frame, again and again, until the source ends or `signal` fires; frames that come too fast are
   * dropped. The edge is asked for one frame at a time. Tells how many frames there were, and how many of them were dropped.
   * Rejects where `classify` does, but not by `signal`.
   */
  classifyStream(source: Source, options?: StreamOptions): Promise<{ frames: number; dropped: number }>;
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
