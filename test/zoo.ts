import type { JointNetwork } from '../src/network/layers.js';
import { createNetwork } from '../src/network/zoo/index.js';

const tiny = (name: string, side: number, width: number): JointNetwork =>
  createNetwork(name, [side, side, 3], 5, { width });

/** Every network of the zoo in both forms, as small as its shapes allow: for tests that compare readers. */
export const TINY_ZOO: readonly (readonly [title: string, network: JointNetwork])[] = [
  ['LeNet', tiny('lenet', 16, 0.3)],
  ['AlexNet, CIFAR form', tiny('alexnet', 16, 0.04)],
  ['AlexNet, ImageNet form', tiny('alexnet', 72, 0.04)],
  ['VGG16, CIFAR form', tiny('vgg16', 32, 0.03)],
  ['VGG16, ImageNet form', tiny('vgg16', 66, 0.03)],
  ['ResNet18, CIFAR form', tiny('resnet18', 8, 0.05)],
  ['ResNet18, ImageNet form', tiny('resnet18', 66, 0.05)],
  ['ResNet50, CIFAR form', tiny('resnet50', 12, 0.03)],
  ['ResNet50, ImageNet form', tiny('resnet50', 66, 0.03)],
  ['MobileNetV1, CIFAR form', tiny('mobilenet-v1', 20, 0.06)],
  ['MobileNetV1, ImageNet form', tiny('mobilenet-v1', 66, 0.06)],
  ['MobileNetV2, CIFAR form', tiny('mobilenet-v2', 16, 0.1)],
  ['MobileNetV2, ImageNet form', tiny('mobilenet-v2', 66, 0.1)],
];
