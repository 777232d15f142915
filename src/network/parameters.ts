import { type JointNetwork, unknownLayer } from './layers.js';
import { channelsOf, flattenChains, type PlacedLayer, placeLayers } from './shapes.js';

/**
 * Role of a parameter in training. `latent` weights are binarised in the forward pass and clipped to [-1, 1]; a
 * `statistic` is a running mean without a gradient; weight decay applies only to a `weight`.
 */
export type ParameterRole = 'weight' | 'bias' | 'scale' | 'latent' | 'statistic';

export interface Parameter {
  /** `part.layer.parameter`, e.g. `branch.conv2.kernel`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly role: ParameterRole;
  /**
   * Initial values: normally distributed with this standard deviation (He et al. 2015), a constant, or the α of this
   * latent kernel's filters.
   */
  readonly start: { readonly normal: number } | { readonly constant: number } | { readonly filterScaleOf: string };
}

/** Parameters of one layer, in a fixed order. */
export function layerParameters({ part, layer, input }: PlacedLayer): Parameter[] {
  const prefix = `${part}.${'name' in layer ? layer.name : layer.type}`;
  const parameter = (
    name: string,
    role: ParameterRole,
    shape: readonly number[],
    start: Parameter['start'],
  ): Parameter => ({ name: `${prefix}.${name}`, shape, role, start });
  const latent = (shape: readonly number[], learnedScale = false): Parameter[] => {
    const filters = shape[shape.length - 1];
    const kernel = parameter('kernel', 'latent', shape, he(shape.slice(0, -1).reduce((a, b) => a * b, 1)));
    return learnedScale
      ? [kernel, parameter('scale', 'scale', [filters], { filterScaleOf: `${prefix}.kernel` })]
      : [kernel];
  };
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
    case 'general-conv2d': {
      const { kernel, filters, groups = 1, bias = true } = layer;
      const shape = [...kernel, channels / groups, filters];
      return [
        parameter('kernel', 'weight', shape, he((kernel[0] * kernel[1] * channels) / groups)),
        ...(bias ? [parameter('bias', 'bias', [filters], { constant: 0 })] : []),
      ];
    }
    case 'level-conv2d': {
      const { kernel, filters, depthwise } = layer;
      const shape = [kernel, kernel, channels, depthwise ? 1 : filters];
      return [
        parameter('kernel', 'weight', shape, { constant: 0 }),
        parameter('scale', 'scale', [filters], { constant: 1 }),
        parameter('shift', 'bias', [filters], { constant: 0 }),
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
      return latent([kernel, kernel, channels, filters], layer.learnedScale);
    }
    case 'binary-dense':
      return latent([channels, layer.units], layer.learnedScale);
    case 'batch-norm':
      return [
        parameter('gamma', 'scale', [channels], { constant: 1 }),
        parameter('beta', 'bias', [channels], { constant: 0 }),
        parameter('mean', 'statistic', [channels], { constant: 0 }),
        parameter('variance', 'statistic', [channels], { constant: 1 }),
      ];
    case 'shift':
      return [parameter('shift', 'bias', [channels], { constant: 0 })];
    case 'scale':
      return [parameter('scale', 'scale', [channels], { constant: 1 })];
    case 'prelu':
      return [parameter('slope', 'scale', [channels], { constant: 0.25 })];
    case 'relu':
    case 'leaky-relu':
    case 'sigmoid':
    case 'tanh':
    case 'silu':
    case 'hard-sigmoid':
    case 'hard-swish':
    case 'hard-tanh':
    case 'max-pool':
    case 'average-pool':
    case 'global-average-pool':
    case 'repeat-channels':
    case 'flatten':
    case 'quantise':
    case 'residual': // its layers are listed by themselves
      return [];
    default:
      return unknownLayer(layer);
  }
}

/** All parameters of a network, in the order of its layers. */
export function networkParameters(network: JointNetwork): Parameter[] {
  return flattenChains(placeLayers(network)).flatMap(layerParameters);
}
