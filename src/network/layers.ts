/**
 * What a joint network is: plain data that every reader folds over (shapes and costs, the trainer's forward functions,
 * the ONNX tail, the device program). Activations are NHWC; shapes leave the batch out.
 */

/** Height, width, channels; or, after `flatten` and dense layers, the number of features alone. */
export type Shape = readonly [height: number, width: number, channels: number] | readonly [features: number];

/** `valid` pads nothing; `same` pads so that the output is ceil(input / stride) in size; a number, so much on every side. */
export type Padding = 'valid' | 'same' | number;

/** Convolution in float, with bias unless `bias` is false. Kernel [kernel, kernel, channels, filters]. */
export interface Conv2d {
  readonly type: 'conv2d';
  readonly name: string;
  readonly filters: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: Padding;
  readonly bias?: boolean;
}

/** Convolution in float of every channel by itself, no bias. Kernel [kernel, kernel, channels, 1]. */
export interface DepthwiseConv2d {
  readonly type: 'depthwise-conv2d';
  readonly name: string;
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: Padding;
}

/** Fully-connected layer in float, with bias. Kernel [inputs, units]. */
export interface Dense {
  readonly type: 'dense';
  readonly name: string;
  readonly units: number;
}

/**
 * Binary convolution (Eq. 4): sign of the input, sign of the latent kernel, α = mean of |W| per filter, no bias.
 * Padding adds zeros before the sign, so a padded tap counts as +1 (sign(0) = +1).
 * `inputScale` multiplies by K, the box-filtered mean of |input| over channels; `learnedScale` has a trained scale per
 * filter in the place of α.
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

/** Binary fully-connected layer: as `binary-conv2d`; K is the mean of |input|. */
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

/** x clipped to [-1, 1]. */
export interface HardTanh {
  readonly type: 'hard-tanh';
}

/** max(x, 0), and no more than `max` where it is given. */
export interface Relu {
  readonly type: 'relu';
  readonly max?: number;
}

/** x where x >= 0, else slope * x, with a learned slope per channel (or feature). */
export interface Prelu {
  readonly type: 'prelu';
  readonly name: string;
}

/** Maximum over windows of size x size; stride = size unless given. Padded taps never win. */
export interface MaxPool {
  readonly type: 'max-pool';
  readonly size: number;
  readonly stride?: number;
  readonly padding?: number;
}

/** Mean over windows of size x size that do not overlap; a row or column that fills no window is left out. */
export interface AveragePool {
  readonly type: 'average-pool';
  readonly size: number;
}

/** Mean over all places: height, width, channels to channels features. */
export interface GlobalAveragePool {
  readonly type: 'global-average-pool';
}

/** The channels `times` over, one after another: a shortcut to more channels that costs nothing. */
export interface RepeatChannels {
  readonly type: 'repeat-channels';
  readonly times: number;
}

/** Sum of two chains of layers that read the same input; an empty shortcut is the input itself. */
export interface Residual {
  readonly type: 'residual';
  readonly body: readonly Layer[];
  readonly shortcut: readonly Layer[];
}

/** Height, width, channels in that order to features. */
export interface Flatten {
  readonly type: 'flatten';
}

export type Layer =
  | Conv2d
  | DepthwiseConv2d
  | Dense
  | BinaryConv2d
  | BinaryDense
  | BatchNorm
  | ChannelShift
  | HardTanh
  | Relu
  | Prelu
  | MaxPool
  | AveragePool
  | GlobalAveragePool
  | RepeatChannels
  | Flatten
  | Residual;

/** A part of the float trunk, and the branch that leaves behind it. */
export interface Exit {
  readonly shared: readonly Layer[];
  readonly branch: readonly Layer[];
}

/**
 * The lists of a joint network. `full` and `branch` both read the output of `shared` and end in `classes` logits. Where
 * there are further exits, the trunk goes on through the shared part of each, and `full` reads the output of the last.
 */
export interface JointNetwork extends Exit {
  readonly name: string;
  readonly input: readonly [height: number, width: number, channels: number];
  readonly classes: number;
  readonly full: readonly Layer[];
  readonly further?: readonly Exit[];
  /** The branches are float: exits of BranchyNet; or empty, of a network alone, whose shared part ends in the logits. */
  readonly floatExits?: boolean;
}

/**
 * Where a layer stands: the parts of the second exit are `shared2` and `branch2`, and so on. Parameters are named
 * `part.layer.parameter`, e.g. `shared.conv1.kernel`.
 */
export type Part = 'shared' | 'full' | 'branch' | `shared${number}` | `branch${number}`;

/** Whether a part, or the parameter of that name, is a branch's. */
export const isBranch = (name: string): boolean => name.startsWith('branch');

/** What a batch normalisation adds to the variance if its layer doesn't say: PyTorch's default. */
export const BATCH_NORM_EPSILON = 1e-5;

/** Compile-time proof that a reader handles every layer type. */
export function unknownLayer(layer: never): never {
  throw new Error(`no such layer type: ${JSON.stringify(layer)}`);
}
