import { UserError } from '../../base/errors.js';
import { type BranchOptions, jointNetwork } from '../branch.js';
import type { JointNetwork } from '../layers.js';
import { alexnet } from './alexnet.js';
import { efficientnetLite0, tfEfficientnetLite0 } from './efficientnet.js';
import type { NetworkFamily } from './family.js';
import { lenet } from './lenet.js';
import { mobilenetV1, mobilenetV2 } from './mobilenet.js';
import { resnet18, resnet34, resnet50, resnet101, resnet152 } from './resnet.js';
import { VGG_FAMILIES } from './vgg.js';

const ZOO: Readonly<Record<string, NetworkFamily>> = {
  lenet,
  alexnet,
  ...VGG_FAMILIES,
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
  'mobilenet-v1': mobilenetV1,
  'mobilenet-v2': mobilenetV2,
  'efficientnet-lite0': efficientnetLite0,
  'tf-efficientnet-lite0': tfEfficientnetLite0,
};

/** Names that `createNetwork` accepts. */
export const networkNames: readonly string[] = Object.keys(ZOO);

export interface ZooNetworkOptions extends BranchOptions {
  /** Factor for the filters and hidden units of every layer except the last. Default 1. */
  readonly width?: number;
  /** Form of the first layers: `small` for CIFAR, `large` for ImageNet, by the size of the images if `auto`. */
  readonly form?: 'auto' | 'small' | 'large';
}

/**
 * Builds a network of the zoo, with its binary branch, for images of this shape.
 *
 * @throws UserError if the name is unknown, the images are too small, or the branch doesn't fit
 */
export function createNetwork(
  name: string,
  input: JointNetwork['input'],
  classes: number,
  { width = 1, form = 'auto', ...branch }: ZooNetworkOptions = {},
): JointNetwork {
  const family = Object.hasOwn(ZOO, name) ? ZOO[name] : undefined;
  if (!family) throw new UserError(`no network ${name}; expected one of: ${networkNames.join(', ')}`);
  return jointNetwork(
    name,
    input,
    classes,
    family({ input, classes, width, form: form === 'auto' ? undefined : form }),
    branch,
  );
}
