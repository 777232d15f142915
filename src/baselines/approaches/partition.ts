import type { NamedArrays } from '../../base/tensors.js';
import { chainModel } from '../../export/float-model.js';
import { type Encoding, imageEncoding } from '../../export/uplink/encoding.js';
import type { JointNetwork } from '../../network/layers.js';
import type { PlacedLayer } from '../../network/shapes.js';
import type { Baseline } from './baseline.js';
import type { Segment } from './segments.js';

/** A trained network, and the normalisation of its images. */
export interface TrainedNetwork {
  readonly network: JointNetwork;
  readonly state: NamedArrays;
  readonly normalisation: { readonly mean: readonly number[]; readonly std: readonly number[] };
}

/** Where a chain of segments is cut in two, and which side computes the first part. */
export interface Cut {
  readonly segments: readonly Segment[];
  /** Number of segments in the first part. */
  readonly cut: number;
  readonly begins: 'device' | 'edge';
}

/** The two models of a partition, cut from one list of layers. A side without layers gets no model. */
export function partitioned(
  approach: string,
  { network, state, normalisation }: TrainedNetwork,
  { segments, cut, begins }: Cut,
): Baseline {
  const [first, second] = [segments.slice(0, cut), segments.slice(cut)];
  const [onDevice, onEdge] = (begins === 'device' ? [first, second] : [second, first]).map((part) =>
    part.flatMap(({ layers }) => layers),
  );
  // If the page computes nothing first, it sends the image itself.
  const sendsImage = begins === 'edge' || cut === 0;
  const { datatype, scale, offset }: Encoding = sendsImage
    ? imageEncoding({ mean: [...normalisation.mean], std: [...normalisation.std] })
    : {};
  const model = (layers: readonly PlacedLayer[], side: string, encoding: Encoding = {}) =>
    chainModel(state, layers, `${network.name}-${approach}-${side}`, encoding);
  const facts: Baseline['facts'] = {
    approach,
    plan: describePartition({ segments, cut, begins }),
    network: network.name,
    classes: network.classes,
    input: [...network.input],
    ...(onDevice.length > 0
      ? {
          device: {
            place: begins === 'device' ? ('before' as const) : ('after' as const),
            input: [...onDevice[0].input],
          },
        }
      : {}),
    ...(onEdge.length > 0
      ? {
          edge: {
            input: [...onEdge[0].input],
            output: [...onEdge[onEdge.length - 1].output],
            ...(datatype === 'UINT8' ? { datatype, scale: [...scale!], offset: [...offset!] } : {}),
          },
        }
      : {}),
  };
  return {
    facts,
    ...(onDevice.length > 0 ? { device: model(onDevice, 'device') } : {}),
    ...(onEdge.length > 0 ? { edge: model(onEdge, 'edge', { datatype, scale, offset }) } : {}),
  };
}

/** Short description of what runs where. */
export function describePartition({ segments, cut, begins }: Cut): string {
  const other = begins === 'device' ? 'edge' : 'device';
  if (cut === 0) return `all on the ${other}`;
  if (cut === segments.length) return `all on the ${begins}`;
  return `${begins} to ${segments[cut - 1].name}, ${other} the rest`;
}

/**
 * A whole network that runs in the page, without an edge.
 *
 * @param model ONNX model: float32 [batch, ...input] to logits
 */
export function onDevice(approach: string, network: JointNetwork, model: Uint8Array, plan: string): Baseline {
  const { name, classes, input } = network;
  return {
    facts: {
      ...{ approach, plan, network: name, classes },
      input: [...input],
      device: { place: 'before', input: [...input] },
    },
    device: model,
  };
}
