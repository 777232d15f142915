/**
 * A joint network as plain data. Shapes and costs, the trainer, the ONNX tail and the device program all read these
 * lists. Activations are NHWC; shapes omit the batch.
 */

/** Height, width, channels; after `flatten` and dense layers, only the number of features. */
export type Shape = readonly [height: number, width: number, channels: number] | readonly [features: number];

/** Pixels around an image. */
export type Sides = readonly [top: number, left: number, bottom: number, right: number];

/**
 * `valid`: no padding; `same`: the output size is ceil(input / stride); a number: that many pixels on every side; four
 * numbers: pixels above, to the left, below and to the right.
 */
export type Padding = 'valid' | 'same' | number | Sides;

/** Float convolution, with bias unless `bias` is false. Kernel [kernel, kernel, channels, filters]. */
export interface Conv2d {
  readonly type: 'conv2d';
  readonly name: string;
  readonly filters: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: Padding;
  readonly bias?: boolean;
}

/** Float depthwise convolution without bias. Kernel [kernel, kernel, channels, 1]. */
export interface DepthwiseConv2d {
  readonly type: 'depthwise-conv2d';
  readonly name: string;
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: Padding;
}

/**
 * Float convolution with any window, of networks that were read from a graph: kernel, strides and dilations (default 1) of
 * rows and columns. In groups, each filter reads only the channels of its group. With bias unless `bias` is false. Kernel
 * [kernel[0], kernel[1], channels / groups, filters]. Devices don't compute it.
 */
export interface GeneralConv2d {
  readonly type: 'general-conv2d';
  readonly name: string;
  readonly filters: number;
  readonly kernel: readonly [height: number, width: number];
  readonly strides?: readonly [rows: number, columns: number];
  readonly dilations?: readonly [rows: number, columns: number];
  readonly padding: Sides;
  readonly groups?: number;
  readonly bias?: boolean;
}

/** Float fully-connected layer with bias. Kernel [inputs, units]. */
export interface Dense {
  readonly type: 'dense';
  readonly name: string;
  readonly units: number;
}

/**
 * Binary convolution (Eq. 4): sign of the input, sign of the latent kernel, α = mean of |W| per filter, no bias.
 * Padding adds zeros before the sign, so a padded tap counts as +1 (sign(0) = +1).
 * `inputScale` multiplies by K, the box-filtered mean of |input| over channels. `learnedScale` replaces α with a trained
 * scale per filter.
 */
export interface BinaryConv2d {
  readonly type: 'binary-conv2d';
  readonly name: string;
  readonly filters: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: Padding;
  readonly inputScale?: boolean;
  readonly learnedScale?: boolean;
}

/** Binary fully-connected layer, like `binary-conv2d`; K is the mean of |input|. */
export interface BinaryDense {
  readonly type: 'binary-dense';
  readonly name: string;
  readonly units: number;
  readonly inputScale?: boolean;
  readonly learnedScale?: boolean;
}

/** Batch normalisation per channel (or feature): gamma, beta, running mean and variance. */
export interface BatchNorm {
  readonly type: 'batch-norm';
  readonly name: string;
  /** Is added to the variance. Default `BATCH_NORM_EPSILON`. */
  readonly epsilon?: number;
}

/** x + shift, with a learned shift per channel (or feature). */
export interface ChannelShift {
  readonly type: 'shift';
  readonly name: string;
}

/** x * scale, with a learned scale per channel (or feature). */
export interface ChannelScale {
  readonly type: 'scale';
  readonly name: string;
}

/** x clipped to [-1, 1]. */
export interface HardTanh {
  readonly type: 'hard-tanh';
}

/** max(x, 0), limited to `max` if that is given. */
export interface Relu {
  readonly type: 'relu';
  readonly max?: number;
}

/** x where x >= 0, else slope * x, with a learned slope per channel (or feature). */
export interface Prelu {
  readonly type: 'prelu';
  readonly name: string;
}

/** x where x >= 0, else slope * x, with a fixed slope. */
export interface LeakyRelu {
  readonly type: 'leaky-relu';
  readonly slope: number;
}

/**
 * Activations without parameters. `sigmoid`: 1 / (1 + exp(-x)); `silu`: x * sigmoid(x); `hard-sigmoid`: (x + 3) / 6
 * clipped to [0, 1]; `hard-swish`: x times that.
 */
export const SMOOTH_ACTIVATIONS = ['sigmoid', 'tanh', 'silu', 'hard-sigmoid', 'hard-swish'] as const;
export type SmoothActivationName = (typeof SMOOTH_ACTIVATIONS)[number];
export type SmoothActivation = { [Name in SmoothActivationName]: { readonly type: Name } }[SmoothActivationName];

/** Maximum over windows of size x size; the default stride is the size. Padding is never the maximum. */
export interface MaxPool {
  readonly type: 'max-pool';
  readonly size: number;
  readonly stride?: number;
  readonly padding?: Padding;
}

/**
 * Mean over windows of size x size; the default stride is the size. Rows and columns that don't fill a window are ignored.
 * Padding isn't part of the mean, unless `countsPadding` says that it counts as zeros.
 */
export interface AveragePool {
  readonly type: 'average-pool';
  readonly size: number;
  readonly stride?: number;
  readonly padding?: Padding;
  readonly countsPadding?: boolean;
}

/** Mean over height and width: [height, width, channels] becomes [channels]. */
export interface GlobalAveragePool {
  readonly type: 'global-average-pool';
}

/** Repeats all channels `times` times: a shortcut to more channels without any cost. */
export interface RepeatChannels {
  readonly type: 'repeat-channels';
  readonly times: number;
}

/** Sum of two chains of layers with the same input. An empty shortcut is the input itself. */
export interface Residual {
  readonly type: 'residual';
  readonly body: readonly Layer[];
  readonly shortcut: readonly Layer[];
  /** The chains give levels (see `Quantise`): the sum is (body * weights[0] + shortcut * weights[1]) + weights[2]. */
  readonly levels?: { readonly weights: readonly [number, number, number]; readonly floats: boolean };
}

/**
 * x * scale + shift as a level: the nearest whole number from 0 to 127, ties to even. Only deployed networks have this
 * layer and the next one (`inLevels`).
 */
export interface Quantise {
  readonly type: 'quantise';
  readonly scale: number;
  readonly shift: number;
}

/**
 * Convolution of levels with whole-number weights, whose sums are exact: sum * scale + shift with a scale and a shift per
 * filter, as levels or as floats. Pixels around the image have the level `fill`. Kernel [kernel, kernel, channels, filters],
 * or [kernel, kernel, channels, 1] if every channel is convolved by itself.
 */
export interface LevelConv2d {
  readonly type: 'level-conv2d';
  readonly name: string;
  readonly filters: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: Padding;
  readonly fill: number;
  readonly depthwise: boolean;
  readonly floats: boolean;
}

/** [height, width, channels] to features, in that order. */
export interface Flatten {
  readonly type: 'flatten';
}

export type Layer =
  | Conv2d
  | DepthwiseConv2d
  | GeneralConv2d
  | Dense
  | BinaryConv2d
  | BinaryDense
  | BatchNorm
  | ChannelShift
  | ChannelScale
  | HardTanh
  | Relu
  | Prelu
  | LeakyRelu
  | SmoothActivation
  | MaxPool
  | AveragePool
  | GlobalAveragePool
  | RepeatChannels
  | Flatten
  | Residual
  | Quantise
  | LevelConv2d;

/** A part of the float trunk, and the branch attached behind it. */
export interface Exit {
  readonly shared: readonly Layer[];
  readonly branch: readonly Layer[];
}

/**
 * The lists of a joint network. `full` and `branch` both read the output of `shared` and end in `classes` logits. With
 * further exits, the trunk continues through the shared part of each, and `full` reads the output of the last one.
 */
export interface JointNetwork extends Exit {
  readonly name: string;
  readonly input: readonly [height: number, width: number, channels: number];
  readonly classes: number;
  readonly full: readonly Layer[];
  readonly further?: readonly Exit[];
  /** Whether the branches are float (BranchyNet), or empty in a full network alone, whose shared part ends in logits. */
  readonly floatExits?: boolean;
  /** 8: the kernels of the shared layers are deployed in 8 bits, with a scale per filter. Absent: in float32. */
  readonly sharedBits?: 8;
}

/**
 * The part of the network that a layer belongs to. The parts of the second exit are `shared2` and `branch2`, and so on.
 * Parameters are named `part.layer.parameter`, e.g. `shared.conv1.kernel`.
 */
export type Part = 'shared' | 'full' | 'branch' | `shared${number}` | `branch${number}`;

/** Whether a part, or the parameter with this name, belongs to a branch. */
export const isBranch = (name: string): boolean => name.startsWith('branch');

/** What a batch normalisation adds to the variance if its layer doesn't say: PyTorch's default. */
export const BATCH_NORM_EPSILON = 1e-5;

/** Compile-time proof that a reader handles every layer type. */
export function unknownLayer(layer: never): never {
  throw new Error(`unknown layer type: ${JSON.stringify(layer)}`);
}
