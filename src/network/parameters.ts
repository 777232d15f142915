import { type JointNetwork, unknownLayer } from './layers.js';
import { channelsOf, type PlacedLayer, placeLayers, withChains } from './shapes.js';

/**
 * What a parameter is to the trainer: `latent` weights are binarised in the forward pass and clipped to [-1, 1];
 * `statistic`s are running means that no gradient changes; weight decay applies to `weight`s alone.
 */
export type ParameterRole = 'weight' | 'bias' | 'scale' | 'latent' | 'statistic';

export interface Parameter {
  /** `part.layer.parameter`, e.g. `branch.conv2.kernel`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly role: ParameterRole;
  /** Standard deviation of the normal start values (He et al. 2015), or the constant all start with. */
  readonly start: { readonly normal: number } | { readonly constant: number };
}

/** Parameters of one layer, in a fixed order. */
export function layerParameters({ part, layer, input }: PlacedLayer): Parameter[] {
  const parameter = (
    name: string,
    role: ParameterRole,
    shape: readonly number[],
    start: Parameter['start'],
  ): Parameter => ({ name: `${part}.${'name' in layer ? layer.name : layer.type}.${name}`, shape, role, start });
  const channels = channelsOf(input);
  const he = (fanIn: number) => ({ normal: Math.sqrt(2 / fanIn) });

  switch (layer.type) {
    case 'conv2d': {
      const { kernel, filters, bias = true } = layer;
      return [
        parameter('kernel', 'weight', [kernel, kernel, channels, filters], he(kernel * kernel * channels)),
        ...(bias ? [parameter('bias', 'bias', [filters], { constant: 0 })] : []),
      ];
    }
    case 'depthwise-conv2d':
      return [parameter('kernel', 'weight', [layer.kernel, layer.kernel, channels, 1], he(layer.kernel ** 2))];
    case 'dense':
      return [
        parameter('kernel', 'weight', [channels, layer.units], he(channels)),
        parameter('bias', 'bias', [layer.units], { constant: 0 }),
      ];
    case 'binary-conv2d': {
      const { kernel, filters } = layer;
      return [parameter('kernel', 'latent', [kernel, kernel, channels, filters], he(kernel * kernel * channels))];
    }
    case 'binary-dense':
      return [parameter('kernel', 'latent', [channels, layer.units], he(channels))];
    case 'batch-norm':
      return [
        parameter('gamma', 'scale', [channels], { constant: 1 }),
        parameter('beta', 'bias', [channels], { constant: 0 }),
        parameter('mean', 'statistic', [channels], { constant: 0 }),
        parameter('variance', 'statistic', [channels], { constant: 1 }),
      ];
    case 'prelu':
      return [parameter('slope', 'scale', [channels], { constant: 0.25 })];
    case 'relu':
    case 'max-pool':
    case 'average-pool':
    case 'global-average-pool':
    case 'repeat-channels':
    case 'flatten':
    case 'residual': // its chains have parameters of their own
      return [];
    default:
      return unknownLayer(layer);
  }
}

/** All parameters of a network, in the order of its layers. */
export function networkParameters(network: JointNetwork): Parameter[] {
  return withChains(placeLayers(network)).flatMap(layerParameters);
}
