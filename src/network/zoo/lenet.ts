import type { FamilyOptions, FloatChain } from './family.js';
import { scaled } from './family.js';

/** LeNet as in the paper's Table 1: 20@5x5, pool, 50@5x5, pool, 500, classes (431,080 parameters for 28x28x1, 10 classes). */
export function lenet({ classes, width }: FamilyOptions): FloatChain {
  return [
    { type: 'conv2d', name: 'conv1', filters: scaled(20, width), kernel: 5 },
    { type: 'max-pool', size: 2 },
    { type: 'relu' },
    { type: 'conv2d', name: 'conv2', filters: scaled(50, width), kernel: 5 },
    { type: 'max-pool', size: 2 },
    { type: 'relu' },
    { type: 'flatten' },
    { type: 'dense', name: 'fc1', units: scaled(500, width) },
    { type: 'relu' },
    { type: 'dense', name: 'fc2', units: classes },
  ];
}
