import type { Approach } from './results.js';

/**
 * The paper's Table 2: mean latency of 100 samples over 4G with an empty cache, in ms (Huang et al., IEEE TMC 21(7), 2022).
 * Its networks are for MNIST (LeNet) and ImageNet-150K (the others).
 */
export const PAPER_LATENCIES: Readonly<Record<string, Partial<Record<Approach, number>>>> = {
  lenet: { lcdnn: 37, neurosurgeon: 110, edgent: 204, 'mobile-only': 109, 'edge-only': 15 },
  alexnet: { lcdnn: 153, neurosurgeon: 5256, edgent: 4617, 'mobile-only': 9313, 'edge-only': 21 },
  resnet18: { lcdnn: 261, neurosurgeon: 2820, edgent: 2613, 'mobile-only': 5882, 'edge-only': 19 },
  vgg16: { lcdnn: 264, neurosurgeon: 3421, edgent: 3231, 'mobile-only': 8205, 'edge-only': 25 },
};
