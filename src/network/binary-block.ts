import type { BinaryConv2d, BinaryDense, Conv2d, Layer, Shape } from './layers.js';
import { channelsOf } from './shapes.js';

/** What stands around a binary layer: the field's choices, each an option of a run (`src/run/options.ts`). */
export interface BinaryOptions {
  /** K of Eq. 4 in every binary layer. Default false. */
  readonly inputScale?: boolean;
  /** α of Eq. 4, the mean of |W|; or trained, one per filter, from α on. Default `mean`. */
  readonly filterScale?: 'mean' | 'learned';
  /** Batch normalisation before the sign (XNOR-Net), after the sums (Bi-Real), or both. Default `both`. */
  readonly norm?: 'both' | 'before' | 'after';
  /** A learned shift before a sign that has no batch normalisation (RSign of ReActNet, arXiv 2003.03488). Default false. */
  readonly signShift?: boolean;
  /** After the sums; `rprelu` is a PReLU between two learned shifts (ReActNet). Default `prelu`. */
  readonly activation?: 'prelu' | 'rprelu' | 'hardtanh' | 'relu' | 'none';
  /** A real-valued shortcut around every convolution (Bi-Real, arXiv 1808.00278), or around blocks. Default `convolution`. */
  readonly shortcuts?: 'convolution' | 'block';
  /**
   * A shortcut where the size changes: pool, then the channels repeated, a float 1x1 convolution with batch
   * normalisation, or a binary one. Default `free`.
   */
  readonly downsample?: 'free' | 'float' | 'binary';
}

/** Builds what stands around the binary layers of one branch, each layer under a name of its own. */
export interface BinaryBlocks {
  /** What comes before a sign. It is per channel, so it comes before an image is flattened. */
  beforeSign(): Layer[];
  norm(): Layer;
  /** What comes after binary sums, before the activation. */
  afterSums(): Layer[];
  activation(): Layer[];
  /** A float convolution in binary, with what comes before its sign and after its sums. */
  conv(layer: Conv2d): Layer[];
  dense(name: string, units: number): BinaryDense;
  /** A shortcut from one shape to the other. @param name of its convolution, if it has one */
  shortcut(name: string, from: Shape, to: Shape): Layer[];
}

export function binaryBlocks({
  inputScale = false,
  filterScale = 'mean',
  norm = 'both',
  signShift = false,
  activation = 'prelu',
  downsample = 'free',
}: BinaryOptions): BinaryBlocks {
  let norms = 0;
  const scales = { inputScale, ...(filterScale === 'learned' ? { learnedScale: true } : {}) };
  const shift = (name: string): Layer => ({ type: 'shift', name });

  const blocks: BinaryBlocks = {
    norm: () => ({ type: 'batch-norm', name: `bn${++norms}` }),
    beforeSign() {
      if (norm !== 'after') return [blocks.norm()];
      return signShift ? [shift(`sign${norms + 1}`)] : [];
    },
    afterSums: () => (norm === 'before' ? [] : [blocks.norm()]),
    activation() {
      const prelu: Layer = { type: 'prelu', name: `prelu${norms}` };
      switch (activation) {
        case 'prelu':
          return [prelu];
        case 'rprelu':
          return [shift(`${prelu.name}-in`), prelu, shift(`${prelu.name}-out`)];
        case 'hardtanh':
          return [{ type: 'hard-tanh' }];
        case 'relu':
          return [{ type: 'relu' }];
        case 'none':
          return [];
      }
    },
    conv: (layer) => [...blocks.beforeSign(), { ...binaryConv(layer), ...scales }, ...blocks.afterSums()],
    dense: (name, units) => ({ type: 'binary-dense', name, units, ...scales }),
    shortcut(name, from, to) {
      const filters = channelsOf(to);
      const pool = halving(from, to);
      if (pool.length === 0 && filters === channelsOf(from)) return [];
      const conv: Conv2d = { type: 'conv2d', name, filters, kernel: 1, bias: false };
      if (downsample === 'float') return [...pool, conv, blocks.norm()];
      if (downsample === 'binary') return [...pool, ...blocks.conv(conv)];
      const times = filters / channelsOf(from);
      return [...pool, ...(times > 1 ? [{ type: 'repeat-channels', times } as const] : [])];
    },
  };
  return blocks;
}

const binaryConv = ({ name, filters, kernel, stride, padding }: Conv2d): BinaryConv2d => ({
  type: 'binary-conv2d',
  name,
  filters,
  kernel,
  ...(stride === undefined ? {} : { stride }),
  ...(padding === undefined ? {} : { padding }),
});

/** A pool to half the height and width, where they differ. */
function halving(from: Shape, to: Shape): Layer[] {
  if (to[0] === from[0]) return [];
  // Halves of an odd size are rounded up, as the padded convolution's are.
  const even = from[0] % 2 === 0 && (from[1] ?? 0) % 2 === 0;
  return [even ? { type: 'average-pool', size: 2 } : { type: 'max-pool', size: 1, stride: 2 }];
}
