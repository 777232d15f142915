import type { JointNetwork } from './layers.js';
import { featuresOf, type PlacedLayer, placeLayers } from './shapes.js';

/**
 * The layers of `full` that the device runs before it sends anything: the max pools and ReLUs that it begins with. They
 * have no parameters and round nothing, so that the answer stays the same to the bit; what they give is smaller, or has
 * zeros that compress. A pool that gives more values than it takes is left to the edge.
 */
export function uplinkLayers(network: JointNetwork): PlacedLayer[] {
  const full = placeLayers(network).filter(({ part }) => part === 'full');
  const first = full.findIndex(
    ({ layer, input, output }) =>
      layer.type !== 'relu' && (layer.type !== 'max-pool' || featuresOf(output) > featuresOf(input)),
  );
  return full.slice(0, first);
}
