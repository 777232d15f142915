import { random } from '../src/base/random.js';
import type { NamedArrays } from '../src/base/tensors.js';
import type { BundleDraft } from '../src/bundle/write-bundle.js';
import { type BundleInfo, generateBundle } from '../src/codegen/generate-bundle.js';
import { entryParts, entryPoints } from '../src/export/entry-points.js';
import { TAIL_INPUT, TAIL_OUTPUT, tailModel } from '../src/export/float-model.js';
import { lowerBranch } from '../src/export/lower.js';
import { stagesOf } from '../src/export/program.js';
import { runReference } from '../src/export/run-reference.js';
import {
  byteEncoding,
  channelRanges,
  type Encoding,
  imageEncoding,
  type Uplink,
} from '../src/export/uplink/encoding.js';
import type { JointNetwork } from '../src/network/layers.js';

const input = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };

/** The encoding of that name, for what this network makes of noise. */
export function zooEncoding(network: JointNetwork, state: NamedArrays, uplink: Uplink): Encoding {
  if (uplink === 'image') return imageEncoding(input);
  if (uplink !== 'u8') return uplink === 'f16' ? { datatype: 'FP16' } : {};
  const program = lowerBranch(network, state);
  const next = random(9);
  const images = Array.from({ length: 4 }, () =>
    Float32Array.from({ length: program.input.length }, () => 4 * next() - 2),
  );
  const { shape } = stagesOf(program).at(-1)!.shared;
  const last = stagesOf(program).length - 1;
  return byteEncoding(
    channelRanges(
      images.map((image) => runReference(program, image, last).shared),
      shape.at(-1)!,
    ),
  );
}

/** A bundle of a network of the zoo for colour images, with this deployed state and no samples. */
export function zooDraft(network: JointNetwork, state: NamedArrays, tau: number, encoding: Encoding = {}): BundleDraft {
  const images: BundleInfo['input'] = { shape: [...network.input], ...input };
  return generateBundle(lowerBranch(network, state, encoding.from), {
    name: network.name,
    network: network.name,
    dataset: 'none',
    input: images,
    ...entryPoints(entryParts(network, images, encoding), network, state, network.name),
    labels: Array.from({ length: network.classes }, (_, i) => `class ${i}`),
    tau,
    tail: { model: tailModel(network, state, encoding), input: TAIL_INPUT, output: TAIL_OUTPUT, ...encoding },
    samples: [],
    provenance: {},
  });
}
