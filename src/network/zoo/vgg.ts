import type { Layer } from '../layers.js';
import { type FamilyOptions, type FloatChain, isSmall, type NetworkFamily, scaled } from './family.js';

/** Filters of the convolutions of every stage (Simonyan and Zisserman 2015, configurations A, B, D and E). */
export const VGG_STAGES = {
  vgg11: [[64], [128], [256, 256], [512, 512], [512, 512]],
  vgg13: [
    [64, 64],
    [128, 128],
    [256, 256],
    [512, 512],
    [512, 512],
  ],
  vgg16: [
    [64, 64],
    [128, 128],
    [256, 256, 256],
    [512, 512, 512],
    [512, 512, 512],
  ],
  vgg19: [
    [64, 64],
    [128, 128],
    [256, 256, 256, 256],
    [512, 512, 512, 512],
    [512, 512, 512, 512],
  ],
} as const satisfies Readonly<Record<string, readonly (readonly number[])[]>>;

type VggName = keyof typeof VGG_STAGES;

/** `vgg11` to `vgg19`, and with batch normalisation `vgg11-bn` to `vgg19-bn`. */
export const VGG_FAMILIES: Readonly<Record<string, NetworkFamily>> = Object.fromEntries(
  (Object.keys(VGG_STAGES) as VggName[]).flatMap((name) => [
    [name, (options: FamilyOptions) => vgg(options, VGG_STAGES[name], isSmall(options))],
    [`${name}-bn`, (options: FamilyOptions) => vgg(options, VGG_STAGES[name], true)],
  ]),
);

/**
 * VGG as torchvision has it (vgg16: 138,357,544 parameters for 224x224x3, 1000 classes), without its dropout. The CIFAR form
 * has batch normalisation and one fully-connected layer (vgg16: 14,728,266 for 32x32x3, 10 classes).
 */
function vgg(options: FamilyOptions, stages: readonly (readonly number[])[], normalised: boolean): FloatChain {
  const { classes, width } = options;
  const small = isSmall(options);
  let count = 0;
  const stage = (filters: readonly number[]): Layer[] =>
    filters.flatMap((wide, i): Layer[] => {
      count++;
      return [
        { type: 'conv2d', name: `conv${count}`, filters: scaled(wide, width), kernel: 3, padding: 1 },
        ...(normalised ? [{ type: 'batch-norm', name: `bn${count}` } as const] : []),
        ...(i === filters.length - 1 ? [{ type: 'max-pool', size: 2 } as const] : []),
        { type: 'relu' },
      ];
    });
  const hidden = (name: string): Layer[] => [{ type: 'dense', name, units: scaled(4096, width) }, { type: 'relu' }];
  return [
    ...stages.flatMap(stage),
    { type: 'flatten' },
    ...(small ? [] : [...hidden('fc1'), ...hidden('fc2')]),
    { type: 'dense', name: small ? 'fc1' : 'fc3', units: classes },
  ];
}
