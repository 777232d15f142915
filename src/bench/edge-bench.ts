import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { NamedArrays } from '../base/tensors.js';
import { floatModel, TAIL_INPUT } from '../export/float-model.js';
import { attachmentNames, trunkOf } from '../network/branch.js';
import type { JointNetwork } from '../network/layers.js';
import { networkParameters } from '../network/parameters.js';
import { featuresOf, sharedShape } from '../network/shapes.js';

/** Time of what is left of a full network behind a layer, for one image on this machine's ONNX Runtime. */
export interface TailTime {
  /** As `--attach` names the layer. */
  readonly attach: string;
  /** Sample by sample. */
  readonly tailMs: readonly number[];
}

const WARM_UP = 5;
/** A sample is as many runs as take this long: one alone may be a slice of the scheduler's. */
const SAMPLE_MS = 5;

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
    times.push({ attach, tailMs: await timeTail(at(attach), rounds) });
  }
  return times;
}

async function timeTail(network: JointNetwork, rounds: number): Promise<number[]> {
  const session = await InferenceSession.create(floatModel(network, arbitraryTail(network), ['full']));
  try {
    const shape = sharedShape(network);
    const values = new Float32Array(featuresOf(shape)).fill(0.5);
    const feeds = { [TAIL_INPUT]: new Tensor('float32', values, [1, ...shape]) };
    const timed = async (runs: number): Promise<number> => {
      const start = performance.now();
      for (let i = 0; i < runs; i++) await session.run(feeds);
      return (performance.now() - start) / runs;
    };
    const runs = Math.max(1, Math.round(SAMPLE_MS / (await timed(WARM_UP))));
    const samples: number[] = [];
    while (samples.length < rounds) samples.push(await timed(runs));
    return samples;
  } finally {
    await session.release();
  }
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
