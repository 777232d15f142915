// The types work with and without the DOM library: a type that the platform doesn't have is `never` here.
type Instance<Name extends string> = typeof globalThis extends { [name in Name]: { prototype: infer Type } }
  ? Type
  : never;

/** An `AbortSignal`, described by what the loader uses. */
export interface StopSignal {
  readonly aborted: boolean;
  readonly reason?: unknown;
  throwIfAborted(): void;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** A `URL`, described by what the loader uses. */
export interface Address {
  readonly href: string;
  toString(): string;
}

/**
 * An image as canvases give it: RGBA, rows from the top, 4 values per pixel from 0 to 255 (`ImageData`; in a `Float16Array`, from 0
 * to 1). It is converted to grey if the network takes grey images, and resized: stretched, or cropped to a centred square if the
 * manifest's input has `resize`.
 */
export interface RgbaImage {
  readonly width: number;
  readonly height: number;
  readonly data: Instance<'Uint8ClampedArray'> | Instance<'Uint8Array'> | Instance<'Float16Array'> | readonly number[];
}

/** What a page draws. Elements and frames must be loaded, and from an origin that the page may read. */
export type Picture =
  | Instance<'ImageBitmap'>
  | Instance<'HTMLImageElement'>
  | Instance<'HTMLCanvasElement'>
  | Instance<'HTMLVideoElement'>
  | Instance<'OffscreenCanvas'>
  | Instance<'VideoFrame'>
  | Instance<'Blob'>;

/**
 * What can be classified: RGBA pixels or a picture of any size; or exactly height * width * channels values (NHWC), either levels
 * from 0 to 255 as bytes, or normalised values as floats. Other types are refused by name. The image is read immediately: you
 * may change it afterwards, and its memory stays yours.
 *
 * An image of another size is resized with the trainer's filters (libvips: Lanczos to shrink, cubic to enlarge). The resulting
 * levels of photographs differ from the trainer's by 0.2 to 1.2 of 255 on average: libvips computes with fewer digits.
 */
export type Image =
  | RgbaImage
  | Picture
  | Uint8Array
  | Uint8ClampedArray
  | Float32Array
  | Float64Array
  | Instance<'Float16Array'>;

/** What is sent to the edge, in the datatype of the manifest's tail: float32, the bits of half-precision floats, or bytes. */
export type EdgeTensor = Float32Array | Uint16Array | Uint8Array;

/**
 * An edge of your own: takes a tensor of the shape [1, ...] and returns the logits. `model` is the manifest's name, or for whole
 * images (`first: 'edge'`, `edge: 'race'`) the `model` of its entry point.
 */
export type EdgeFunction = (
  tensor: EdgeTensor,
  shape: number[],
  signal: Instance<'AbortSignal'>,
  model: string,
) => Promise<ArrayLike<number>>;

export interface LoadOptions {
  /**
   * Where the rest of the network runs: the URL of a server with the Open Inference Protocol (without `/v2/...`), a function, or
   * `false` for nowhere. Default: the manifest's field `edge`, or else the origin that the manifest was fetched from.
   */
  edge?: string | Address | false | EdgeFunction;
  /**
   * `edge`: resolve as soon as the edge can answer. Until the branch is loaded (the model's `ready`), every image is sent to the
   * edge, which answers with the whole network; if the edge doesn't answer, the call waits for the branch. The page's pixels leave
   * the device, scaled to the network's size. Without an edge, `load` waits for the branch. Default: the branch is loaded first.
   */
  first?: 'edge';
  /** Use a SIMD build of the kernels. Default: if the engine has SIMD128. */
  simd?: boolean;
  /** Use the relaxed SIMD build, which gives the same answers sooner. Default: if the engine has relaxed SIMD. */
  relaxedSimd?: boolean;
  /** Exit at the branch below this entropy instead of the manifest's. A list has one value for each exit, in order. */
  tau?: number | readonly number[];
  /** The longest time in milliseconds that a classification waits for the edge, retries included (3000). */
  timeoutMs?: number;
  /** Sent to an edge server as `Authorization: Bearer`. A function is called for each request. */
  token?: string | (() => string | Promise<string>);
  /**
   * Let a server under load raise the last exit's threshold for a while (header `lcdnn-tau`), so that it gets fewer requests. The
   * threshold never falls below `tau`. Default: false.
   */
  adaptTau?: boolean;
  /**
   * Share of the early exits that is sent to the edge anyway, after the answer, so that the server learns how often the branch is
   * wrong when it is sure (`lcdnn tune-tau --from-server`). Default: 0.
   */
  audit?: number;
  /**
   * Called once for each other version of the model that the edge turns out to have. From then on the model's `stale` is true.
   * The edge is asked for the version that is loaded for as long as it has it, and never answers with another one.
   */
  onStale?: (version: string) => void;
  /**
   * Run the branch in a Worker, so that it never blocks the page. Default: in pages, but not in Node or in other Workers. If there
   * can't be a Worker, the branch runs in the page, and one warning in the console gives the reason: a content security policy
   * without `worker-src 'self'`, a bundle on another origin, a script that doesn't start within 3 s. The model's `worker` says
   * which it is.
   */
  worker?: boolean;
  /** Called with the bytes of weights and WebAssembly that have arrived, from when the total is known until all are here. */
  onProgress?: (progress: { loaded: number; total: number }) => void;
  /** Give up if no data arrives for this many milliseconds while a file is loading (30000). `Infinity` waits for ever. */
  stallMs?: number;
  /** Stops loading. */
  signal?: StopSignal;
}

export interface BranchOutput {
  logits: Float32Array;
  probabilities: Float32Array;
  /** Normalised entropy of the softmax, at the temperature that the threshold was tuned with, in [0, 1]. */
  entropy: number;
  /**
   * Output of the shared layers up to this exit, NHWC. At the last exit it is what would be sent to the edge, before encoding: after
   * the pools and ReLUs that the rest of the network starts with, or the normalised image.
   */
  shared: Float32Array;
}

/** Options of one call. */
export interface ClassifyOptions {
  /**
   * When to ask the edge: if the branch is unsure (default), for every image, or never. With `never`, an answer can be `unsure`
   * without an `edgeError`. `race` sends every image itself, and asks the branch at the same time: the edge's answer counts, or
   * the branch's if it is sure and comes sooner, or if the budget runs out. Streams don't race.
   */
  edge?: 'when-unsure' | 'always' | 'never' | 'race';
  /**
   * Time for the whole classification, in milliseconds. When it runs out, the branch's answer counts; it never interrupts the
   * branch. Default: no limit but `timeoutMs`.
   */
  budgetMs?: number;
  /** Rejects the call. */
  signal?: StopSignal;
}

export interface Classification {
  /** The most probable class and its label. */
  index: number;
  label: string;
  /** Of the branch or the edge, whichever answered. */
  probabilities: Float32Array;
  /** Normalised entropy of the last branch that ran, in [0, 1]; of the edge's probabilities if a whole image was sent. */
  entropy: number;
  /** Below this entropy that branch is sure. */
  tau: number;
  by: 'branch' | 'edge';
  /** Number of the exit that answered; the first exit is 1. Absent if the edge answered. */
  exit?: number;
  /** True if the branch was unsure and the edge gave no answer: this is the branch's answer. */
  unsure: boolean;
  /** Why the edge gave no answer to a request. */
  edgeError?: string;
  times: { branchMs: number; edgeMs: number };
  /** Body bytes exchanged with an edge server. */
  bytes: { sent: number; received: number };
}

/** The answer for one frame of a stream. */
export interface StreamAnswer extends Classification {
  /** Number of the frame, from 1. Missing numbers are dropped frames. */
  frame: number;
  /** This is the edge's answer for an earlier frame in which the branch saw the same. */
  cached?: true;
}

export interface StreamOptions extends ClassifyOptions {
  edge?: 'when-unsure' | 'always' | 'never';
  /**
   * Called with the answer for each frame that was classified. For a frame that goes to the edge it is called twice: at once with the
   * branch's unsure answer, and with the edge's answer, unless a newer frame has been reported meanwhile.
   */
  onAnswer?: (answer: StreamAnswer) => void;
  /** Ends the stream. */
  signal?: StopSignal;
  /** How long an answer of the edge is kept for later frames in which the branch sees the same, in milliseconds (2000). */
  keepMs?: number;
  /** The branch sees the same if its class is the same and its entropy differs by at most this much (0.1). */
  similar?: number;
}

/**
 * The source of a stream: a video element (with a camera, a file, ...), or a function that returns one image after another, and nothing
 * at the end. The function is called at most once for each frame of the screen, after the previous image is classified; bitmaps and
 * video frames that it returns are closed after use.
 */
export type Source =
  | Instance<'HTMLVideoElement'>
  | (() => Image | null | undefined | Promise<Image | null | undefined>);

/** The state of the edge, as this model knows it. */
export interface EdgeStatus {
  /**
   * State of the circuit breaker. `closed`: requests are sent. `open`: requests pause, because three in a row failed or the server
   * asked for it; the first pause takes about a second. `half-open`: the next request is a probe. `offline`: the browser has no
   * network. `none`: no edge was given.
   */
  state: 'none' | 'closed' | 'open' | 'half-open' | 'offline';
  /** The value to which the server has raised the last exit's threshold for now. */
  tau?: number;
}

/** The fields of manifest.json that a page may want. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly network: string;
  readonly dataset: string;
  /** Address of the edge server: a URL, or a path where the manifest was fetched from. */
  readonly edge?: string;
  readonly input: {
    readonly shape: readonly [height: number, width: number, channels: number];
    readonly mean: readonly number[];
    readonly std: readonly number[];
    /** The shorter side of an image is resized to this many pixels before its centre is cropped. */
    readonly resize?: number;
  };
  readonly tail: {
    readonly shape: readonly number[];
    readonly input: string;
    readonly output: string;
    /** Encoding of what is sent. Absent for float32. */
    readonly datatype?: 'FP16' | 'UINT8';
    /** For bytes, one per channel: the value is scale * byte + offset. */
    readonly scale?: readonly number[];
    readonly offset?: readonly number[];
    /** Present if the image itself is sent. */
    readonly from?: 'image';
  };
  /** Where else the edge can take over: for an image, or for the output of an earlier exit. */
  readonly entries?: readonly {
    readonly from: 'image' | number;
    /** The model's name on the edge server. */
    readonly model: string;
    readonly shape: readonly number[];
    readonly input: string;
    readonly output: string;
    readonly datatype?: 'FP16' | 'UINT8';
    readonly scale?: readonly number[];
    readonly offset?: readonly number[];
  }[];
  readonly labels: readonly string[];
  /** A list if the network has several exits. */
  readonly tau: number | readonly number[];
}

export interface Model {
  readonly manifest: Manifest;
  /** A list if the network has several exits. */
  readonly tau: number | readonly number[];
  /**
   * Resolves when the branch can answer. Only with `first: 'edge'` that is later than `load`; until then `simd`, `relaxedSimd`,
   * `worker` and `verified` are false. Rejects if the branch can't be loaded.
   */
  readonly ready: Promise<void>;
  /** Whether a SIMD build runs. */
  readonly simd: boolean;
  /** Whether the relaxed SIMD build runs. */
  readonly relaxedSimd: boolean;
  /** Whether the branch runs in a Worker. */
  readonly worker: boolean;
  /** Whether hashes were checked. Pages without https (except localhost) have no `crypto.subtle`: there only sizes are. */
  readonly verified: boolean;
  /** The current state of the edge. */
  readonly edge: EdgeStatus;
  /** Whether the edge has reported another version of this model. Load the model again when it suits. */
  readonly stale: boolean;
  /**
   * Classifies an image (Algorithm 3). Rejects if the image is invalid, `signal` fires or the Worker failed. An edge that can't be
   * reached isn't an error.
   */
  classify(image: Image, options?: ClassifyOptions): Promise<Classification>;
  /**
   * Classifies the newest frame, again and again, until the source ends or `signal` fires. Frames that come too fast are dropped. One
   * frame at a time is sent to the edge. Resolves with the number of frames, and how many were dropped. Rejects if `classify` does,
   * but not because of `signal`.
   */
  classifyStream(source: Source, options?: StreamOptions): Promise<{ frames: number; dropped: number }>;
  /** Runs one branch and asks no edge. `exit` is the number of its exit; the first is 1, the default. */
  branch(image: Image, exit?: number): Promise<BranchOutput>;
  /** Ends the Worker and frees the memory. Pending and later calls are rejected. */
  dispose(): void;
}

/**
 * Loads the model of a bundle.
 *
 * @param base the bundle's folder, an `http(s):` URL or (in Node) a `file:` URL, relative to the document. Default: the folder of
 *   this module, or the place to which a bundler copied its files.
 * @throws Error with one line that names the file, if one is missing or isn't the one that the manifest lists
 * @example
 * import { load } from './lcdnn.js';
 * const model = await load();
 * const { label, by } = await model.classify(document.querySelector('img'));
 */
export function load(base?: string | Address, options?: LoadOptions): Promise<Model>;
