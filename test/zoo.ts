import type { JointNetwork } from '../src/network/layers.js';
import { createNetwork, type NetworkOptions } from '../src/network/zoo/index.js';

const tiny = (name: string, side: number, width: number, options: NetworkOptions = {}): JointNetwork =>
  createNetwork(name, [side, side, 3], 5, { width, ...options });

/** Every network of the zoo in both forms, as small as its shapes allow: for tests that compare readers. */
export const TINY_ZOO: readonly (readonly [title: string, network: JointNetwork])[] = [
  ['LeNet', createNetwork('lenet', [20, 20, 3], 5, { width: 0.3 })],
  ['AlexNet, CIFAR form', tiny('alexnet', 32, 0.05)],
  ['AlexNet, ImageNet form', tiny('alexnet', 72, 0.05)],
  ['VGG16, CIFAR form', tiny('vgg16', 32, 0.05)],
  ['VGG16, ImageNet form', tiny('vgg16', 66, 0.04)],
  ['ResNet18, CIFAR form', tiny('resnet18', 16, 0.1)],
  ['ResNet18, ImageNet form', tiny('resnet18', 66, 0.06)],
  ['ResNet50, CIFAR form', tiny('resnet50', 16, 0.06)],
  ['ResNet50, ImageNet form', tiny('resnet50', 66, 0.04)],
  ['MobileNetV1, CIFAR form', tiny('mobilenet-v1', 32, 0.1)],
  ['MobileNetV1, ImageNet form', tiny('mobilenet-v1', 66, 0.06)],
  ['MobileNetV2, CIFAR form', tiny('mobilenet-v2', 16, 0.12)],
  ['MobileNetV2, ImageNet form', tiny('mobilenet-v2', 66, 0.12)],
];
