import type { JointNetwork } from '../layers.js';

/**
 * LeNet of the paper's Table 1: 20@5x5, pool, 50@5x5, pool, 500, classes (431,080 parameters for 28x28x1 and 10 classes).
 * The branch takes the pooled output of conv1 and mirrors the rest in binary; its last layer stays float.
 * Batch normalisation + PReLU after a binary layer, before pooling, was worth more than anything else in trials.
 */
export function lenet(input: JointNetwork['input'], classes: number): JointNetwork {
  return {
    name: 'lenet',
    input,
    classes,
    shared: [
      { type: 'conv2d', name: 'conv1', filters: 20, kernel: 5 },
      { type: 'max-pool', size: 2 },
    ],
    full: [
      { type: 'relu' },
      { type: 'conv2d', name: 'conv2', filters: 50, kernel: 5 },
      { type: 'max-pool', size: 2 },
      { type: 'relu' },
      { type: 'flatten' },
      { type: 'dense', name: 'fc1', units: 500 },
      { type: 'relu' },
      { type: 'dense', name: 'fc2', units: classes },
    ],
    branch: [
      { type: 'batch-norm', name: 'bn1' },
      { type: 'binary-conv2d', name: 'conv2', filters: 50, kernel: 5 },
      { type: 'batch-norm', name: 'bn2' },
      { type: 'prelu', name: 'prelu2' },
      { type: 'max-pool', size: 2 },
      { type: 'batch-norm', name: 'bn3' },
      { type: 'flatten' },
      { type: 'binary-dense', name: 'fc1', units: 500 },
      { type: 'batch-norm', name: 'bn4' },
      { type: 'prelu', name: 'prelu4' },
      { type: 'dense', name: 'fc2', units: classes },
    ],
  };
}
