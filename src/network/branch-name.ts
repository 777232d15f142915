import { branchKind } from '../base/exits.js';
import type { JointNetwork } from './layers.js';

/** "binary branch" or "float exit", numbered if there are several. @param exit counted from 0 */
export function branchName(network: JointNetwork, exit: number): string {
  const name = branchKind(network);
  return network.further ? `${name} ${exit + 1}` : name;
}
