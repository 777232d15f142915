import type { NamedArrays } from '../src/base/tensors.js';
import type { BundleDraft } from '../src/bundle/write-bundle.js';
import { generateBundle } from '../src/codegen/generate-bundle.js';
import { TAIL_INPUT, TAIL_OUTPUT, tailModel } from '../src/export/float-model.js';
import { lowerBranch } from '../src/export/lower.js';
import type { JointNetwork } from '../src/network/layers.js';

/** A bundle of a network of the zoo for colour images, with this deployed state and no samples. */
export function zooDraft(network: JointNetwork, state: NamedArrays, tau: number): BundleDraft {
  return generateBundle(lowerBranch(network, state), {
    name: network.name,
    network: network.name,
    dataset: 'none',
    input: { shape: [...network.input], mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    labels: Array.from({ length: network.classes }, (_, i) => `class ${i}`),
    tau,
    tail: { model: tailModel(network, state), input: TAIL_INPUT, output: TAIL_OUTPUT },
    samples: [],
    provenance: {},
  });
}
