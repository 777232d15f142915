import { exitsOf } from '../base/exits.js';

/**
 * The device program: what the branch is on the device. A flat list of kernel calls with byte offsets into one arena,
 * plus the constants that the calls read. Codegen prints it as the loader's schedule; nothing else is compiled per model.
 *
 * Every kernel is declared, with the same name and argument order, in kernels/cpp/include/lcdnn.h, which documents
 * layouts, alignment and bit order. An argument is a whole number, an offset into the arena, or the name of a constant.
 */

/** A byte offset into the arena (16-byte aligned). */
export interface Address {
  readonly arena: number;
}

/** A byte offset into the arena, the start of a constant, or an absent pointer. */
export type Pointer = Address | { readonly constant: string } | null;

/** One call: the kernel's name without its `lcdnn_` prefix, and its arguments in the header's order. */
export interface KernelCall {
  readonly kernel: KernelName;
  readonly args: readonly (number | Pointer)[];
}

const SLIDING = ['kernel', 'stride', 'padTop', 'padLeft', 'outHeight', 'outWidth'] as const;
const WINDOW = ['height', 'width', 'channels', ...SLIDING] as const;
const CONVOLUTION = ['height', 'width', 'channels', 'filters', ...SLIDING] as const;
const UNPADDED = ['height', 'width', 'channels', 'filters', 'kernel', 'stride', 'outHeight', 'outWidth'] as const;
const EPILOGUE = ['scale', 'shift', 'slope'] as const;

/** The kernels that a program may call, each with the names of its arguments in the header's order, in camel case. */
export const KERNEL_ARGUMENTS = {
  conv2d_f32: ['x', 'w', 'bias', ...EPILOGUE, 'most', 'y', ...CONVOLUTION],
  depthwise_conv2d_f32: ['x', 'w', ...EPILOGUE, 'most', 'y', ...WINDOW],
  conv2d_hard_swish_f32: ['x', 'w', 'bias', 'scale', 'shift', 'y', ...CONVOLUTION],
  depthwise_conv2d_hard_swish_f32: ['x', 'w', 'scale', 'shift', 'y', ...WINDOW],
  max_pool_f32: ['x', 'y', ...WINDOW],
  average_pool_f32: ['x', 'y', 'width', 'channels', 'rows', 'columns', 'outHeight', 'outWidth'],
  repeat_channels_f32: ['x', 'y', 'pixels', 'channels', 'times'],
  add_f32: ['a', 'b', 'y', 'count'],
  minimum_f32: ['x', 'most', 'y', 'count'],
  hard_swish_f32: ['x', 'y', 'count'],
  sign_pack: ['x', 'scale', 'shift', 'bits', 'count', 'channels', 'row'],
  input_scale_f32: ['x', 'scale', 'shift', 'k', ...WINDOW],
  binary_conv2d: ['x', 'w', 'k', ...EPILOGUE, 'shortcut', 'y', 'scratch', ...CONVOLUTION],
  binary_dense: ['x', 'w', 'k', ...EPILOGUE, 'y', 'inputs', 'units'],
  quantise: ['x', 'scale', 'shift', 'y', 'count'],
  pad_levels: ['x', 'y', 'fill', 'height', 'width', 'channels', 'padTop', 'padLeft', 'outHeight', 'outWidth'],
  conv2d_levels: ['x', 'w', 'scale', 'shift', 'y', 'floats', ...UNPADDED],
  depthwise_conv2d_levels: ['x', 'w', 'scale', 'shift', 'y', ...WINDOW],
  add_levels: ['a', 'b', 'weights', 'y', 'floats', 'count'],
  affine_prelu_f32: ['x', ...EPILOGUE, 'y', 'count', 'channels'],
  dense_f32: ['x', 'w', 'bias', 'y', 'inputs', 'units'],
} as const satisfies Record<string, readonly string[]>;

export type KernelName = keyof typeof KERNEL_ARGUMENTS;

/** A value for every argument of a kernel, by name. */
export type NamedArguments<Kernel extends KernelName, Value = number | Pointer> = {
  readonly [name in (typeof KERNEL_ARGUMENTS)[Kernel][number]]: Value;
};

/** The values of a kernel's arguments in the header's order. Other names in `named` are ignored. */
export function inOrder<Kernel extends KernelName, Value>(
  kernel: Kernel,
  named: NamedArguments<Kernel, Value>,
): readonly Value[] {
  return KERNEL_ARGUMENTS[kernel].map((name) => (named as Readonly<Record<string, Value>>)[name]);
}

/** The arguments of a call by name. */
export function byName({ kernel, args }: KernelCall): Readonly<Record<string, number | Pointer>> {
  return Object.fromEntries(KERNEL_ARGUMENTS[kernel].map((name, i) => [name, args[i]]));
}

/** What the loader must do with a constant before the first call. */
export type ConstantLayout =
  /** f32 values, copied unchanged. */
  | { readonly kind: 'f32'; readonly values: Float32Array }
  /**
   * f32 values that are downloaded as whole steps: value i is its step times the scale floor(i / each) % scales.length,
   * exact in f32. Rows with a scale each have `each` columns; where every column has a scale, `each` is 1.
   */
  | { readonly kind: 'i8'; readonly steps: Int8Array; readonly scales: Float32Array; readonly each: number }
  /**
   * Weights in 8 bits for the kernel that reads them: [kernel, kernel, channels, filters] of a convolution, [kernel, kernel,
   * channels] of a depthwise one. `shape` omits the first axis. The loader prepares them like bits.
   */
  | {
      readonly kind: 'weights8';
      readonly kernel: 'conv2d_levels' | 'depthwise_conv2d_levels';
      readonly shape: readonly number[];
      readonly bytes: Int8Array;
    }
  /**
   * Binary weights in their download order, for the kernel that reads them: [filters, taps, channels] of a convolution,
   * [units, inputs] of a dense layer. Bits run along the last axis, least significant first, 1 = +1; each row starts on a
   * byte. The loader passes them through `prepare_KERNEL`, which brings them to the order of the build that it loaded.
   */
  | {
      readonly kind: 'bits';
      readonly kernel: 'binary_conv2d' | 'binary_dense';
      readonly shape: readonly number[];
      readonly bytes: Uint8Array;
    };

/** A part of the arena that the loader or a test reads or writes. */
export interface Region extends Address {
  /** Number of f32 values. */
  readonly length: number;
}

/** What leads to one exit: its shared part, then its branch. */
export interface Stage {
  readonly calls: readonly KernelCall[];
  /**
   * Output of the shared part (NHWC), from which the next stage continues. In the last stage this is what the edge
   * receives: that output after the layers that the device runs for the edge (`uplinkLayers`), or the image. It stays
   * intact until the program ends.
   */
  readonly shared: Region & { readonly shape: readonly number[] };
  /** The answer of the branch. */
  readonly logits: Region;
}

/** A constant that `prepare_KERNEL` brings to the order of the build. */
export type PreparedLayout = Extract<ConstantLayout, { kind: 'bits' | 'weights8' }>;

export const isPrepared = (constant: ConstantLayout): constant is PreparedLayout =>
  constant.kind === 'bits' || constant.kind === 'weights8';

/** The f32 values of a constant that isn't prepared, as the kernels read them. */
export function programFloats(constant: Exclude<ConstantLayout, PreparedLayout>): Float32Array {
  if (constant.kind === 'f32') return constant.values;
  const { steps, scales, each } = constant;
  return Float32Array.from(steps, (step, i) => step * scales[Math.floor(i / each) % scales.length]);
}

/** The f32 values that are downloaded for a constant: its values, or the scales of its steps. */
export function storedFloats(constant: ConstantLayout): Float32Array | undefined {
  if (constant.kind === 'f32') return constant.values;
  return constant.kind === 'i8' ? constant.scales : undefined;
}

/** A program is its first stage. Further exits follow, and each of them runs only if the one before was unsure. */
export interface DeviceProgram extends Stage {
  readonly arenaBytes: number;
  readonly constants: Readonly<Record<string, ConstantLayout>>;
  /** The normalised image, NHWC. */
  readonly input: Region;
  readonly further?: readonly Stage[];
}

/** The stages of a program in order. The edge receives the shared output of the last one. */
export const stagesOf = (program: DeviceProgram): readonly Stage[] => exitsOf<Stage>(program);
