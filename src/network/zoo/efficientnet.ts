import { type FamilyOptions, type FloatChain, isSmall, scaled } from './family.js';
import {
  type InvertedStage,
  type InvertedStyle,
  invertedResiduals,
  normalisedConv,
  RELU6,
} from './inverted-residuals.js';

/** Expansion, filters, number of blocks, first stride and kernel of every stage (Tan and Le 2019, Table 1). */
const STAGES: readonly (readonly [
  expansion: number,
  filters: number,
  blocks: number,
  stride: number,
  kernel: number,
])[] = [
  [1, 16, 1, 1, 3],
  [6, 24, 2, 2, 3],
  [6, 40, 2, 2, 5],
  [6, 80, 3, 2, 3],
  [6, 112, 3, 1, 5],
  [6, 192, 4, 2, 5],
  [6, 320, 1, 1, 3],
];

/** timm's `efficientnet_lite0`: the same number of zeros on every side. */
export const efficientnetLite0 = (options: FamilyOptions): FloatChain => lite0(options, {});

/** timm's `tf_efficientnet_lite0`, with weights from TensorFlow: its `SAME` padding and epsilon. */
export const tfEfficientnetLite0 = (options: FamilyOptions): FloatChain =>
  lite0(options, { samePadding: true, epsilon: 1e-3 });

/**
 * EfficientNet-Lite0: EfficientNet-B0 without squeeze-and-excitation and with ReLU6, without its dropout (4,652,008
 * parameters for 224x224x3, 1000 classes). In CIFAR form the first convolution and the second stage have stride 1.
 */
function lite0(options: FamilyOptions, style: InvertedStyle): FloatChain {
  const small = isSmall(options);
  const stem = scaled(32, options.width);
  const stages = STAGES.map(
    ([expansion, filters, blocks, stride, kernel], s): InvertedStage => ({
      expansion,
      filters: scaled(filters, options.width),
      blocks,
      stride: small && s === 1 ? 1 : stride,
      kernel,
    }),
  );
  return [
    ...normalisedConv('conv1', stem, 3, small ? 1 : 2, style),
    RELU6,
    ...invertedResiduals(stages, stem, style),
    ...normalisedConv('conv2', scaled(1280, options.width), 1, 1, style),
    RELU6,
    { type: 'global-average-pool' },
    { type: 'dense', name: 'fc', units: options.classes },
  ];
}
