import type { BinaryConv2d, BinaryDense, Conv2d, Layer, Shape } from './layers.js';
import { channelsOf } from './shapes.js';

/** The layers around a binary layer. Each field is an option of a run (`src/run/options.ts`). */
export interface BinaryOptions {
  /** K of Eq. 4 in every binary layer. Default false. */
  readonly inputScale?: boolean;
  /** Scale per filter: α of Eq. 4, the mean of |W|, or a trained scale that starts from α. Default `mean`. */
  readonly filterScale?: 'mean' | 'learned';
  /** Batch normalisation before the sign (XNOR-Net), after the sums (Bi-Real), or both. Default `both`. */
  readonly norm?: 'both' | 'before' | 'after';
  /** A learned shift before a sign that has no batch normalisation (RSign of ReActNet, arXiv 2003.03488). Default false. */
  readonly signShift?: boolean;
  /** Activation after the binary sums; `rprelu` is a PReLU between two learned shifts (ReActNet). Default `prelu`. */
  readonly activation?: 'prelu' | 'rprelu' | 'hardtanh' | 'relu' | 'none';
  /** Real-valued shortcuts around every convolution (Bi-Real, arXiv 1808.00278) or around every block. Default `convolution`. */
  readonly shortcuts?: 'convolution' | 'block';
  /**
   * Shortcut if the size changes: a pool followed by repeated channels (`free`), by a float 1x1 convolution with batch
   * normalisation, or by a binary 1x1 convolution. Default `free`.
   */
  readonly downsample?: 'free' | 'float' | 'binary';
}

/** Builds the layers around the binary layers of one branch. Every layer gets a unique name. */
export interface BinaryBlocks {
  /** The layers before a sign. They work per channel, so they come before an image is flattened. */
  beforeSign(): Layer[];
  norm(): Layer;
  /** The layers after binary sums, before the activation. */
  afterSums(): Layer[];
  activation(): Layer[];
  /** The binary version of a float convolution, with the layers before its sign and after its sums. */
  conv(layer: Conv2d): Layer[];
  dense(name: string, units: number): BinaryDense;
  /** A shortcut from one shape to the other. @param name name of its convolution, if it has one */
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
      const times = filters / channelsOf(from);
      // Channels can only be repeated a whole number of times.
      if (downsample === 'float' || (downsample === 'free' && !Number.isInteger(times)))
        return [...pool, conv, blocks.norm()];
      if (downsample === 'binary') return [...pool, ...blocks.conv(conv)];
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

/** A pool to half the height and width, if the shapes differ in these. */
function halving(from: Shape, to: Shape): Layer[] {
  if (to[0] === from[0]) return [];
  // Half of an odd size is rounded up, as in a padded convolution.
  const even = from[0] % 2 === 0 && (from[1] ?? 0) % 2 === 0;
  return [even ? { type: 'average-pool', size: 2 } : { type: 'max-pool', size: 1, stride: 2 }];
}
