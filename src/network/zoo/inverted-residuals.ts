import type { Layer, Padding } from '../layers.js';

/** Inverted residual blocks of the same form (Sandler et al. 2018). */
export interface InvertedStage {
  /** Factor on the channels between the first and the last 1x1 convolution. */
  readonly expansion: number;
  readonly filters: number;
  readonly blocks: number;
  /** Stride of the first block. */
  readonly stride: number;
  /** Size of the depthwise kernel. */
  readonly kernel: number;
}

/** Differences between the implementations that a network is compatible with. */
export interface InvertedStyle {
  /** `same`: TensorFlow's padding, more at the end. Otherwise the same number of zeros on every side. */
  readonly samePadding?: boolean;
  readonly epsilon?: number;
}

/** Layers named `stageS-B-expand`, `-depthwise` and `-project`, with a shortcut around blocks that keep their shape. */
export function invertedResiduals(
  stages: readonly InvertedStage[],
  channels: number,
  style: InvertedStyle = {},
): Layer[] {
  const layers: Layer[] = [];
  let input = channels;
  for (const [s, { expansion, filters, blocks, stride: first, kernel }] of stages.entries()) {
    for (let i = 0; i < blocks; i++) {
      const name = `stage${s + 1}-${i}`;
      const stride = i > 0 ? 1 : first;
      const body = [
        ...(expansion > 1 ? [...normalisedConv(`${name}-expand`, input * expansion, 1, 1, style), RELU6] : []),
        ...depthwise(`${name}-depthwise`, kernel, stride, style),
        RELU6,
        ...normalisedConv(`${name}-project`, filters, 1, 1, style),
      ];
      if (stride === 1 && input === filters) layers.push({ type: 'residual', body, shortcut: [] });
      else layers.push(...body);
      input = filters;
    }
  }
  return layers;
}

export const RELU6: Layer = { type: 'relu', max: 6 };

const paddingOf = (kernel: number, { samePadding }: InvertedStyle): Padding =>
  samePadding ? 'same' : (kernel - 1) / 2;

const norm = (name: string, { epsilon }: InvertedStyle): Layer => ({
  type: 'batch-norm',
  name: `${name}-bn`,
  ...(epsilon !== undefined && { epsilon }),
});

/** A convolution without bias, and its batch normalisation. */
export const normalisedConv = (
  name: string,
  filters: number,
  kernel: number,
  stride: number,
  style: InvertedStyle = {},
): Layer[] => [
  { type: 'conv2d', name, filters, kernel, stride, padding: paddingOf(kernel, style), bias: false },
  norm(name, style),
];

/** A depthwise convolution and its batch normalisation. */
export const depthwise = (name: string, kernel: number, stride: number, style: InvertedStyle = {}): Layer[] => [
  { type: 'depthwise-conv2d', name, kernel, stride, padding: paddingOf(kernel, style) },
  norm(name, style),
];
