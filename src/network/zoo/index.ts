import { UserError } from '../../base/errors.js';
import type { JointNetwork } from '../layers.js';
import { lenet } from './lenet.js';

type NetworkFamily = (input: JointNetwork['input'], classes: number) => JointNetwork;

const ZOO: Readonly<Record<string, NetworkFamily>> = { lenet };

/** Names that `createNetwork` knows. */
export const networkNames: readonly string[] = Object.keys(ZOO);

/** A network of the zoo for images of this shape. @throws UserError where there is no network of this name. */
export function createNetwork(name: string, input: JointNetwork['input'], classes: number): JointNetwork {
  const family = ZOO[name];
  if (!family) throw new UserError(`no network ${name}; expected one of: ${networkNames.join(', ')}`);
  return family(input, classes);
}

/** The network with K of Eq. 4 switched on or off in every binary layer. */
export function withInputScale(network: JointNetwork, inputScale: boolean): JointNetwork {
  const branch = network.branch.map((layer) =>
    layer.type === 'binary-conv2d' || layer.type === 'binary-dense' ? { ...layer, inputScale } : layer,
  );
  return { ...network, branch };
}
