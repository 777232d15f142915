import { exitsOf } from '../base/exits.js';

/**
 * The device program: what the branch is on the device. A flat list of kernel calls with byte offsets into one arena,
 * plus the constants that the calls read. Codegen prints it as the loader's schedule; nothing else is compiled per model.
 *
 * Every kernel stands, with the same name and argument order, in kernels/cpp/include/lcdnn.h, which documents layouts,
 * alignment and bit order. An argument is a whole number, an offset into the arena, or a constant by its name.
 */

/** A byte offset into the arena (16-byte aligned), the start of a constant, or an absent pointer. */
export type Pointer = { readonly arena: number } | { readonly constant: string } | null;

/** One call: the kernel's name without its `lcdnn_` prefix, and its arguments in the header's order. */
export interface KernelCall {
  readonly kernel: KernelName;
  readonly args: readonly (number | Pointer)[];
}

/** The kernels a program may call, each with the names of its arguments in the header's order. */
export const KERNEL_ARGUMENTS = {
  conv2d_f32: [
    'x',
    'w',
    'bias',
    'scale',
    'shift',
    'slope',
    'y',
    'h',
    'w_in',
    'c',
    'filters',
    'kernel',
    'stride',
    'pad_top',
    'pad_left',
    'oh',
    'ow',
  ],
  depthwise_conv2d_f32: ['x', 'w', 'y', 'h', 'w_in', 'c', 'kernel', 'stride', 'pad_top', 'pad_left', 'oh', 'ow'],
  max_pool_f32: ['x', 'y', 'h', 'w_in', 'c', 'kernel', 'stride', 'pad_top', 'pad_left', 'oh', 'ow'],
  average_pool_f32: ['x', 'y', 'w_in', 'c', 'rows', 'columns', 'oh', 'ow'],
  repeat_channels_f32: ['x', 'y', 'places', 'c', 'times'],
  add_f32: ['a', 'b', 'y', 'count'],
  minimum_f32: ['x', 'most', 'y', 'count'],
  sign_pack: ['x', 'scale', 'shift', 'bits', 'count', 'channels', 'row'],
  input_scale_f32: ['x', 'scale', 'shift', 'k', 'h', 'w', 'c', 'kernel', 'stride', 'pad_top', 'pad_left', 'oh', 'ow'],
  binary_conv2d: [
    'x',
    'w',
    'k',
    'scale',
    'shift',
    'slope',
    'shortcut',
    'y',
    'scratch',
    'h',
    'w_in',
    'c',
    'filters',
    'kernel',
    'stride',
    'pad_top',
    'pad_left',
    'oh',
    'ow',
  ],
  binary_dense: ['x', 'w', 'k', 'scale', 'shift', 'slope', 'y', 'inputs', 'units'],
  affine_prelu_f32: ['x', 'scale', 'shift', 'slope', 'y', 'count', 'channels'],
  dense_f32: ['x', 'w', 'bias', 'y', 'inputs', 'units'],
} as const satisfies Record<string, readonly string[]>;

export type KernelName = keyof typeof KERNEL_ARGUMENTS;

/** What the loader must do with a constant before the first call. */
export type ConstantLayout =
  /** f32 values, copied as they are. */
  | { readonly kind: 'f32'; readonly values: Float32Array }
  /** Rows of f32 values that travel as whole steps: a value is its step times the scale of its row, exact in f32. */
  | { readonly kind: 'i8'; readonly steps: Int8Array; readonly scales: Float32Array }
  /**
   * Binary weights as they travel, for the kernel that reads them: [filters, taps, channels] of a convolution, [units,
   * inputs] of a dense layer. Bits along the last axis, least significant first, 1 = +1; each row of them starts on a byte. The loader passes them through
   * `prepare_KERNEL`, which brings them to the build's own order.
   */
  | {
      readonly kind: 'bits';
      readonly kernel: 'binary_conv2d' | 'binary_dense';
      readonly shape: readonly number[];
      readonly bytes: Uint8Array;
    };

/** A place in the arena that the loader or a test reads or writes. */
export interface Region {
  readonly arena: number;
  /** Number of f32 values. */
  readonly length: number;
}

/** What leads to one exit: its shared part, then its branch. */
export interface Stage {
  readonly calls: readonly KernelCall[];
  /**
   * Output of the shared part (NHWC): what the next stage goes on from. Of the last stage, what the edge is sent: that
   * output behind the layers that the device takes over (`uplinkLayers`), or the image. It stays intact until the program ends.
   */
  readonly shared: Region & { readonly shape: readonly number[] };
  /** The answer of the branch. */
  readonly logits: Region;
}

/** The f32 values of a constant that is not of bits, as the kernels read them. */
export function floatsOf(constant: Exclude<ConstantLayout, { kind: 'bits' }>): Float32Array {
  if (constant.kind === 'f32') return constant.values;
  const { steps, scales } = constant;
  const columns = steps.length / scales.length;
  return Float32Array.from(steps, (step, i) => step * scales[Math.floor(i / columns)]);
}

/** The program is its first stage; where there are further exits, theirs follow, each run only if the one before was unsure. */
export interface DeviceProgram extends Stage {
  readonly arenaBytes: number;
  readonly constants: Readonly<Record<string, ConstantLayout>>;
  /** The normalised image, NHWC. */
  readonly input: Region;
  readonly further?: readonly Stage[];
}

/** The stages of a program in order. The edge is sent the shared output of the last. */
export const stagesOf = (program: DeviceProgram): readonly Stage[] => exitsOf<Stage>(program);
