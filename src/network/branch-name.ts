import { branchKind } from '../base/exits.js';
import type { JointNetwork } from './layers.js';

/** "binary branch", with its number where there are several; "float exit" in a network of those. Exits count from 0 here. */
export function branchName(network: JointNetwork, exit: number): string {
  const name = branchKind(network);
  return network.further ? `${name} ${exit + 1}` : name;
}
