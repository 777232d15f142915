import type { Layer } from '../layers.js';
import { type FamilyOptions, type FloatChain, isSmall, scaled } from './family.js';

/** 11,689,512 parameters for 224x224x3 and 1000 classes, 11,173,962 for 32x32x3 and 10. */
export const resnet18 = (options: FamilyOptions): FloatChain => resnet(options, [2, 2, 2, 2], basicBody, 1);

/** 21,797,672 parameters for 224x224x3 and 1000 classes. */
export const resnet34 = (options: FamilyOptions): FloatChain => resnet(options, [3, 4, 6, 3], basicBody, 1);

/** 25,557,032 parameters for 224x224x3 and 1000 classes. */
export const resnet50 = (options: FamilyOptions): FloatChain => resnet(options, [3, 4, 6, 3], bottleneckBody, 4);

/** 44,549,160 parameters for 224x224x3 and 1000 classes. */
export const resnet101 = (options: FamilyOptions): FloatChain => resnet(options, [3, 4, 23, 3], bottleneckBody, 4);

/** 60,192,808 parameters for 224x224x3 and 1000 classes. */
export const resnet152 = (options: FamilyOptions): FloatChain => resnet(options, [3, 8, 36, 3], bottleneckBody, 4);

type Body = (block: string, filters: number, stride: number) => Layer[];

/**
 * ResNet as in torchvision (a bottleneck's stride is in its 3x3 convolution). The CIFAR form starts with a 3x3
 * convolution with stride 1 and has no pool.
 *
 * @param expansion output channels of a block per filter
 */
function resnet(options: FamilyOptions, blocks: readonly number[], body: Body, expansion: number): FloatChain {
  const small = isSmall(options);
  const stem = scaled(64, options.width);
  let channels = stem;
  const block = (name: string, filters: number, stride: number): Layer[] => {
    const changes = stride !== 1 || channels !== filters * expansion;
    channels = filters * expansion;
    const shortcut = changes ? convolution(`${name}-downsample`, `${name}-downsample-bn`, channels, 1, stride) : [];
    return [{ type: 'residual', body: body(name, filters, stride), shortcut }, { type: 'relu' }];
  };
  return [
    ...(small ? convolution('conv1', 'bn1', stem, 3, 1) : convolution('conv1', 'bn1', stem, 7, 2)),
    ...(small ? [] : [{ type: 'max-pool', size: 3, stride: 2, padding: 1 } as const]),
    { type: 'relu' },
    ...blocks.flatMap((count, stage) =>
      Array.from({ length: count }, (_, i) =>
        block(`layer${stage + 1}-${i}`, stem * 2 ** stage, stage > 0 && i === 0 ? 2 : 1),
      ).flat(),
    ),
    { type: 'global-average-pool' },
    { type: 'dense', name: 'fc', units: options.classes },
  ];
}

const basicBody: Body = (block, filters, stride) => [
  ...convolution(`${block}-conv1`, `${block}-bn1`, filters, 3, stride),
  { type: 'relu' },
  ...convolution(`${block}-conv2`, `${block}-bn2`, filters, 3, 1),
];

const bottleneckBody: Body = (block, filters, stride) => [
  ...convolution(`${block}-conv1`, `${block}-bn1`, filters, 1, 1),
  { type: 'relu' },
  ...convolution(`${block}-conv2`, `${block}-bn2`, filters, 3, stride),
  { type: 'relu' },
  ...convolution(`${block}-conv3`, `${block}-bn3`, 4 * filters, 1, 1),
];

const convolution = (name: string, bn: string, filters: number, kernel: number, stride: number): Layer[] => [
  { type: 'conv2d', name, filters, kernel, stride, padding: (kernel - 1) / 2, bias: false },
  { type: 'batch-norm', name: bn },
];
