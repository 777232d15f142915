import type { Layer } from '../layers.js';
import { type FamilyOptions, type FloatChain, isSmall, scaled } from './family.js';
import { depthwise, type InvertedStage, invertedResiduals, normalisedConv, RELU6 } from './inverted-residuals.js';

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

/** MobileNetV1 (4,231,976 parameters for 224x224x3, 1000 classes). The CIFAR form starts with stride 1. */
export function mobilenetV1(options: FamilyOptions): FloatChain {
  const relu: Layer = { type: 'relu' };
  return [
    ...normalisedConv('conv1', scaled(32, options.width), 3, isSmall(options) ? 1 : 2),
    relu,
    ...SEPARABLE.flatMap(([filters, stride], i) => [
      ...depthwise(`depthwise${i + 2}`, 3, stride),
      relu,
      ...normalisedConv(`conv${i + 2}`, scaled(filters, options.width), 1, 1),
      relu,
    ]),
    { type: 'global-average-pool' },
    { type: 'dense', name: 'fc', units: options.classes },
  ];
}

/** Expansion, filters, number of blocks and first stride of every stage of MobileNetV2 (its Table 2). */
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
 * MobileNetV2 as in torchvision (3,504,872 parameters for 224x224x3, 1000 classes), without dropout. In the CIFAR form
 * the first convolution and the second stage have stride 1.
 */
export function mobilenetV2(options: FamilyOptions): FloatChain {
  const small = isSmall(options);
  const stem = scaled(32, options.width);
  const stages = STAGES.map(
    ([expansion, filters, blocks, stride], s): InvertedStage => ({
      expansion,
      filters: scaled(filters, options.width),
      blocks,
      stride: small && s === 1 ? 1 : stride,
      kernel: 3,
    }),
  );
  return [
    ...normalisedConv('conv1', stem, 3, small ? 1 : 2),
    RELU6,
    ...invertedResiduals(stages, stem),
    ...normalisedConv('conv2', Math.max(1280, scaled(1280, options.width)), 1, 1),
    RELU6,
    { type: 'global-average-pool' },
    { type: 'dense', name: 'fc', units: options.classes },
  ];
}
