import { exitsOf, numbered } from '../base/exits.js';
import type { JointNetwork } from '../network/layers.js';
import { networkParameters } from '../network/parameters.js';
import type { Engine } from './engines/engine.js';
import { inferenceFunction } from './step.js';

/** A network's answer to one image. */
export interface Answer {
  readonly full: Float32Array;
  /** One for each exit. */
  readonly branches: readonly Float32Array[];
  /** What each binary layer of the branches took the sign of, in the order of the layers; an image is NHWC. */
  readonly signed: readonly Float32Array[];
}

/** A function that gives the answer to one normalised image, with the engine's present parameters. */
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
