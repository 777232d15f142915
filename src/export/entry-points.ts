import { exitsOf, numbered } from '../base/exits.js';
import type { NamedArrays } from '../base/tensors.js';
import { type EntryPoint, type Manifest, TAIL_FILE } from '../bundle/manifest.js';
import type { JointNetwork, Part } from '../network/layers.js';
import { type PlacedLayer, placeLayers } from '../network/shapes.js';
import { uplinkLayers } from '../network/uplink.js';
import { PART_INPUT, partModel, TAIL_OUTPUT } from './float-model.js';
import { type Encoding, imageEncoding } from './uplink/encoding.js';

/** A section of the network between two entry points, for an edge that starts at the first one. */
export interface EntryPart {
  /** What is sent to the first one: the image, or the output of an exit, from 1. */
  readonly from: EntryPoint['from'];
  readonly layers: readonly PlacedLayer[];
  /** Encodings of its input, and of its output, which the next part or the tail reads. */
  readonly encodings: { readonly from: Encoding; readonly to: Encoding };
}

/**
 * What the device computes, cut at every exit. If one part after another runs, and then the tail, the edge answers for an image
 * with the whole network, and for an exit's output with the rest. Each part's weights are in its own model only.
 *
 * @param tail encoding of what devices send. If that is the image, no part is needed
 */
export function entryParts(network: JointNetwork, input: Manifest['input'], tail: Encoding): EntryPart[] {
  if (tail.from === 'image') return [];
  const layers = placeLayers(network);
  const exits = exitsOf(network).length;
  return Array.from({ length: exits }, (_, exit) => {
    const shared = layers.filter(({ part }) => part === (numbered('shared', exit) as Part));
    const isLast = exit === exits - 1;
    return {
      from: exit === 0 ? 'image' : exit,
      layers: isLast ? [...shared, ...uplinkLayers(network)] : shared,
      encodings: { from: exit === 0 ? bytesOfImage(input) : {}, to: isLast ? tail : {} },
    };
  });
}

/** An image is sent as the levels of its pixels. */
function bytesOfImage(input: Manifest['input']): Encoding {
  const { from: _, ...encoding } = imageEncoding(input);
  return encoding;
}

const titleOf = ({ from }: EntryPart): string => (from === 'image' ? from : `exit${from}`);
const fileOf = (part: EntryPart): string => `edge/${titleOf(part)}.onnx`;

/** The manifest's list of entry points, and the models of the parts by their path in the bundle. */
export function entryPoints(
  parts: readonly EntryPart[],
  network: JointNetwork,
  state: NamedArrays,
  name: string,
): { entries?: EntryPoint[]; entryModels: Map<string, Uint8Array> } {
  const entries = parts.map(
    (part, i): EntryPoint => ({
      from: part.from,
      model: `${name}-${titleOf(part)}`,
      files: [...parts.slice(i).map(fileOf), TAIL_FILE],
      shape: [...part.layers[0].input],
      input: PART_INPUT,
      output: TAIL_OUTPUT,
      ...part.encodings.from,
    }),
  );
  const models = parts.map((part): [string, Uint8Array] => {
    const { from, to } = part.encodings;
    return [fileOf(part), partModel(state, part.layers, `${network.name}-${titleOf(part)}`, from, to)];
  });
  return { ...(entries.length > 0 ? { entries } : {}), entryModels: new Map(models) };
}
