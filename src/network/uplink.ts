import type { JointNetwork } from './layers.js';
import { featuresOf, type PlacedLayer, placeLayers } from './shapes.js';

/**
 * The layers of `full` that the device runs before it sends a request: the max pools and ReLUs at its start. They have no
 * parameters and don't round, so the answer stays bit-exact. Their output is smaller, or has zeros that compress well. A
 * pool whose output is larger than its input runs on the edge.
 */
export function uplinkLayers(network: JointNetwork): PlacedLayer[] {
  const full = placeLayers(network).filter(({ part }) => part === 'full');
  const first = full.findIndex(
    ({ layer, input, output }) =>
      layer.type !== 'relu' && (layer.type !== 'max-pool' || featuresOf(output) > featuresOf(input)),
  );
  return full.slice(0, first);
}
