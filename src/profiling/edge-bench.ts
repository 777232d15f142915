import type { NamedArrays } from '../base/tensors.js';
import { floatModel } from '../export/float-model.js';
import { attachmentNames, trunkOf } from '../network/branch.js';
import type { JointNetwork } from '../network/layers.js';
import { networkParameters } from '../network/parameters.js';
import { sharedShape } from '../network/shapes.js';
import { timeModel } from './time-model.js';

/** Time of the tail behind a layer, for one image in ONNX Runtime on this machine. */
export interface TailTime {
  /** As `--attach` names the layer. */
  readonly attach: string;
  /** Sample by sample. */
  readonly tailMs: readonly number[];
}

/**
 * Times the tail behind every possible attachment. Each tail is the model that an export would write, with arbitrary
 * weights, because the time of a float layer doesn't depend on them.
 *
 * @param at builds the network with its branch behind a layer
 */
export async function timeTails(
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

/** Parameters of the tail. All have the same small value, so that variances are above 0. */
function arbitraryTail(network: JointNetwork): NamedArrays {
  const tail = networkParameters(network).filter(({ name }) => name.startsWith('full.'));
  return Object.fromEntries(
    tail.map(({ name, shape }) => {
      const values = new Float32Array(shape.reduce((all, size) => all * size, 1)).fill(0.01);
      return [name, { shape, values }];
    }),
  );
}
