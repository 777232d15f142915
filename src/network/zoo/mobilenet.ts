import type { Layer } from '../layers.js';
import { type FamilyOptions, type FloatChain, isSmall, scaled } from './family.js';

/** Filters and stride of every depthwise-separable layer of MobileNetV1 after its first convolution. */
const SEPARABLE: readonly (readonly [filters: number, stride: number])[] = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [1024, 2],
  [1024, 1],
];

/** MobileNetV1 (4,231,976 parameters for 224x224x3, 1000 classes). The CIFAR form begins with stride 1. */
export function mobilenetV1(options: FamilyOptions): FloatChain {
  const relu: Layer = { type: 'relu' };
  return [
    ...convolution('conv1', scaled(32, options.width), 3, isSmall(options) ? 1 : 2),
    relu,
    ...SEPARABLE.flatMap(([filters, stride], i) => [
      ...depthwise(`depthwise${i + 2}`, stride),
      relu,
      ...convolution(`conv${i + 2}`, scaled(filters, options.width), 1, 1),
      relu,
    ]),
    { type: 'global-average-pool' },
    { type: 'dense', name: 'fc', units: options.classes },
  ];
}

/** Expansion, filters, number of blocks and first stride of every stage of MobileNetV2. */
const STAGES: readonly (readonly [expansion: number, filters: number, blocks: number, stride: number])[] = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
];

/**
 * MobileNetV2 as torchvision has it (3,504,872 parameters for 224x224x3, 1000 classes), without its dropout. In CIFAR
 * form the first convolution and the second stage have stride 1.
 */
export function mobilenetV2(options: FamilyOptions): FloatChain {
  const small = isSmall(options);
  const relu: Layer = { type: 'relu', max: 6 };
  let channels = scaled(32, options.width);
  const layers: Layer[] = [...convolution('conv1', channels, 3, small ? 1 : 2), relu];
  for (const [s, [expansion, filters, blocks, firstStride]] of STAGES.entries()) {
    for (let i = 0; i < blocks; i++) {
      const name = `stage${s + 1}-${i}`;
      const stride = i > 0 || (small && s === 1) ? 1 : firstStride;
      const output = scaled(filters, options.width);
      const body = [
        ...(expansion > 1 ? [...convolution(`${name}-expand`, channels * expansion, 1, 1), relu] : []),
        ...depthwise(`${name}-depthwise`, stride),
        relu,
        ...convolution(`${name}-project`, output, 1, 1),
      ];
      if (stride === 1 && channels === output) layers.push({ type: 'residual', body, shortcut: [] });
      else layers.push(...body);
      channels = output;
    }
  }
  return [
    ...layers,
    ...convolution('conv2', Math.max(1280, scaled(1280, options.width)), 1, 1),
    relu,
    { type: 'global-average-pool' },
    { type: 'dense', name: 'fc', units: options.classes },
  ];
}

const convolution = (name: string, filters: number, kernel: number, stride: number): Layer[] => [
  { type: 'conv2d', name, filters, kernel, stride, padding: (kernel - 1) / 2, bias: false },
  { type: 'batch-norm', name: `${name}-bn` },
];

const depthwise = (name: string, stride: number): Layer[] => [
  { type: 'depthwise-conv2d', name, kernel: 3, stride, padding: 1 },
  { type: 'batch-norm', name: `${name}-bn` },
];
