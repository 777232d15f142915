import { numbered, withExits } from '../base/exits.js';
import type { NamedArrays } from '../base/tensors.js';
import type { JointNetwork, Part, Shape } from '../network/layers.js';
import { featuresOf, placeLayers, sharedShapes } from '../network/shapes.js';
import { uplinkLayers } from '../network/uplink.js';
import { allocateFloats, type Builder, flush } from './lowering/builder.js';
import { lowerChain } from './lowering/chain.js';
import type { DeviceProgram, Stage } from './program.js';
import { reuseArena } from './reuse-arena.js';

/**
 * Lowers the shared layers and the branch (of every exit) to a device program. Batch normalisation and learned shifts
 * before a binary layer become the scale and shift of its sign; they and (P)ReLU after one become the scale, shift and
 * slope of its sums. If the image itself is sent to the edge, it stays intact to the end.
 *
 * @param state the deployed parameters; those of `full` aren't read
 * @throws UserError if a binary convolution's window is too large for its kernel
 */
export function lowerBranch(
  network: JointNetwork,
  state: NamedArrays,
  sent: 'shared' | 'image' = 'shared',
): DeviceProgram {
  const builder: Builder = { state, constants: {}, calls: [], arenaBytes: 0, x: { arena: 0 } };
  builder.x = allocateFloats(builder, network.input);
  const input = builder.x;
  const placed = placeLayers(network);
  const lowerPart = (part: Part, end: Shape): void => {
    const layers = placed.filter((layer) => layer.part === part);
    lowerChain(builder, layers);
    flush(builder, end);
  };

  const shapes = sharedShapes(network);
  const stages = shapes.map((shape, exit): Stage => {
    lowerPart(numbered('shared', exit), shape);
    const end = builder.x;
    lowerPart(numbered('branch', exit), [network.classes]);
    const logits = { ...builder.x, length: network.classes };
    builder.x = end;
    let sentShape: Shape = shape;
    if (exit === shapes.length - 1) {
      if (sent === 'image') {
        builder.x = input;
        sentShape = network.input;
      } else {
        const uplink = uplinkLayers(network);
        lowerChain(builder, uplink);
        sentShape = uplink.at(-1)?.output ?? shape;
      }
    }
    const shared = { ...builder.x, length: featuresOf(sentShape), shape: [...sentShape] };
    return { calls: builder.calls.splice(0), shared, logits };
  });
  return reuseArena({
    arenaBytes: builder.arenaBytes,
    constants: builder.constants,
    input: { ...input, length: featuresOf(network.input) },
    ...withExits(stages),
  });
}
