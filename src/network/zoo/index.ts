import { UserError } from '../../base/errors.js';
import { type BranchOptions, jointNetwork } from '../branch.js';
import type { JointNetwork } from '../layers.js';
import { alexnet } from './alexnet.js';
import type { NetworkFamily } from './family.js';
import { lenet } from './lenet.js';
import { mobilenetV1, mobilenetV2 } from './mobilenet.js';
import { resnet18, resnet50 } from './resnet.js';
import { vgg16 } from './vgg16.js';

const ZOO: Readonly<Record<string, NetworkFamily>> = {
  lenet,
  alexnet,
  vgg16,
  resnet18,
  resnet50,
  'mobilenet-v1': mobilenetV1,
  'mobilenet-v2': mobilenetV2,
};

/** Names that `createNetwork` knows. */
export const networkNames: readonly string[] = Object.keys(ZOO);

export interface NetworkOptions extends BranchOptions {
  /** Factor on the number of filters and hidden units of every layer but the last. Default 1. */
  readonly width?: number;
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
  { width = 1, ...branch }: NetworkOptions = {},
): JointNetwork {
  const family = Object.hasOwn(ZOO, name) ? ZOO[name] : undefined;
  if (!family) throw new UserError(`no network ${name}; expected one of: ${networkNames.join(', ')}`);
  return jointNetwork(name, input, classes, family({ input, classes, width }), branch);
}
