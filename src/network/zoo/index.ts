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

/** Names that `createNetwork` knows. */
export const networkNames: readonly string[] = Object.keys(ZOO);

export interface NetworkOptions extends BranchOptions {
  /** Factor on the number of filters and hidden units of every layer but the last. Default 1. */
  readonly width?: number;
  /** Form of the first layers: `small` for CIFAR, `large` for ImageNet, by the size of the images if `auto`. */
  readonly form?: 'auto' | 'small' | 'large';
}

/**
 * A network of the zoo for images of this shape, with its binary branch.
 *
 * @throws UserError where there is no network of this name, the images are too small for it, or the branch does not fit
 */
export function createNetwork(
  name: string,
  input: JointNetwork['input'],
  classes: number,
  { width = 1, form = 'auto', ...branch }: NetworkOptions = {},
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
