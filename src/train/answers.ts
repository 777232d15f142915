import { exitsOf, numbered } from '../base/exits.js';
import type { JointNetwork } from '../network/layers.js';
import { networkParameters } from '../network/parameters.js';
import type { Engine } from './engines/engine.js';
import { inferenceFunction } from './step.js';

/** A network's answer to one image. */
export interface Answer {
  readonly full: Float32Array;
  /** One per exit. */
  readonly branches: readonly Float32Array[];
  /** Inputs of the branches' binary layers before the sign, in the order of the layers; images are NHWC. */
  readonly signed: readonly Float32Array[];
}

/** A function that computes the answer for one normalised image, with the engine's current parameters. */
export async function createAnswers(
  engine: Engine,
  network: JointNetwork,
): Promise<(image: Float32Array) => Promise<Answer>> {
  const parameters = networkParameters(network).map(({ name }) => name);
  const infer = await engine.compile(inferenceFunction(network, true), parameters, { images: [1, ...network.input] });
  return async (image) => {
    const found = await infer({ images: image });
    const signed: Float32Array[] = [];
    for (let name = 'signed'; found[name]; name = numbered('signed', signed.length)) signed.push(found[name]);
    return { full: found.full, branches: exitsOf(network).map((_, i) => found[numbered('branch', i)]), signed };
  };
}
