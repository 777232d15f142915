import type { Layer } from '../layers.js';
import { type FamilyOptions, type FloatChain, isSmall, scaled } from './family.js';

/**
 * AlexNet as in torchvision (61,100,840 parameters for 224x224x3, 1000 classes), without dropout. The CIFAR form has 3x3
 * kernels and 2x2 pools (23,272,266 parameters for 32x32x3, 10 classes: the paper's 90.9 MB).
 */
export function alexnet(options: FamilyOptions): FloatChain {
  const { classes, width } = options;
  const small = isSmall(options);
  const conv = (place: number, filters: number, kernel: number, stride = 1): Layer => ({
    type: 'conv2d',
    name: `conv${place}`,
    filters: scaled(filters, width),
    kernel,
    stride,
    padding: kernel === 11 ? 2 : (kernel - 1) / 2,
  });
  const pool: Layer = small ? { type: 'max-pool', size: 2 } : { type: 'max-pool', size: 3, stride: 2 };
  const relu: Layer = { type: 'relu' };
  const dense = (place: number): Layer => ({ type: 'dense', name: `fc${place}`, units: scaled(4096, width) });
  return [
    small ? conv(1, 64, 3, 2) : conv(1, 64, 11, 4),
    pool,
    relu,
    conv(2, 192, small ? 3 : 5),
    pool,
    relu,
    conv(3, 384, 3),
    relu,
    conv(4, 256, 3),
    relu,
    conv(5, 256, 3),
    pool,
    relu,
    { type: 'flatten' },
    dense(1),
    relu,
    dense(2),
    relu,
    { type: 'dense', name: 'fc3', units: classes },
  ];
}
