import type { NamedArrays } from '../base/tensors.js';
import { floatModel } from '../export/float-model.js';
import { attachmentNames, trunkOf } from '../network/branch.js';
import type { JointNetwork } from '../network/layers.js';
import { networkParameters } from '../network/parameters.js';
import { sharedShape } from '../network/shapes.js';
import { timeModel } from './time-model.js';

/** Time of what is left of a full network behind a layer, for one image on this machine's ONNX Runtime. */
export interface TailTime {
  /** As `--attach` names the layer. */
  readonly attach: string;
  /** Sample by sample. */
  readonly tailMs: readonly number[];
}

/**
 * Times the tail behind every layer that a branch can leave behind. Each is the model that an export
 * of such a branch has; its weights are arbitrary, for no float layer's time depends on them.
 *
 * @param at gives the network with its branch behind a layer
 */
export async function benchEdge(
  network: JointNetwork,
  at: (attach: string) => JointNetwork,
  rounds: number,
): Promise<TailTime[]> {
  const times: TailTime[] = [];
  for (const attach of attachmentNames(trunkOf(network))) {
    const tail = at(attach);
    const model = floatModel(tail, arbitraryTail(tail), ['full']);
    times.push({ attach, tailMs: await timeModel(model, sharedShape(tail), rounds) });
  }
  return times;
}

/** Parameters of the tail, all alike: small, and variances above 0. */
function arbitraryTail(network: JointNetwork): NamedArrays {
  const tail = networkParameters(network).filter(({ name }) => name.startsWith('full.'));
  return Object.fromEntries(
    tail.map(({ name, shape }) => {
      const values = new Float32Array(shape.reduce((all, size) => all * size, 1)).fill(0.01);
      return [name, { shape, values }];
    }),
  );
}
