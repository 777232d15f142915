import type { Layer } from '../layers.js';
import { type FamilyOptions, type FloatChain, isSmall, scaled } from './family.js';

const STAGES = [
  [64, 64],
  [128, 128],
  [256, 256, 256],
  [512, 512, 512],
  [512, 512, 512],
];

/**
 * VGG16 as torchvision has it (138,357,544 parameters for 224x224x3, 1000 classes), without its dropout; in CIFAR form
 * with batch normalisation and one fully-connected layer (14,728,266 for 32x32x3, 10 classes).
 */
export function vgg16(options: FamilyOptions): FloatChain {
  const { classes, width } = options;
  const small = isSmall(options);
  let place = 0;
  const stage = (filters: readonly number[]): Layer[] =>
    filters.flatMap((count, i): Layer[] => {
      place++;
      return [
        { type: 'conv2d', name: `conv${place}`, filters: scaled(count, width), kernel: 3, padding: 1 },
        ...(small ? [{ type: 'batch-norm', name: `bn${place}` } as const] : []),
        ...(i === filters.length - 1 ? [{ type: 'max-pool', size: 2 } as const] : []),
        { type: 'relu' },
      ];
    });
  const hidden = (name: string): Layer[] => [{ type: 'dense', name, units: scaled(4096, width) }, { type: 'relu' }];
  return [
    ...STAGES.flatMap(stage),
    { type: 'flatten' },
    ...(small ? [] : [...hidden('fc1'), ...hidden('fc2')]),
    { type: 'dense', name: small ? 'fc1' : 'fc3', units: classes },
  ];
}
