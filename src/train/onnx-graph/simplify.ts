import type { Layer, Shape } from '../../network/layers.js';
import { outputShape } from '../../network/shapes.js';
import type { GraphLayer } from './place.js';

/** Activations that never decrease, so a maximum may be taken before them. */
const COMMUTES_WITH_MAXIMUM = new Set<Layer['type']>(['relu', 'hard-tanh', 'sigmoid', 'tanh', 'hard-sigmoid']);

/**
 * A chain in the form in which we write networks, with the same results: pools come before the ReLU, so that the shared
 * part can end early, and the last layer is a dense layer, also if it was a convolution.
 */
export function simplified(chain: readonly GraphLayer[], input: Shape): GraphLayer[] {
  return denseAtEnd(poolsFirst(chain), input);
}

function poolsFirst(chain: readonly GraphLayer[]): GraphLayer[] {
  const result: GraphLayer[] = [];
  for (const next of chain) {
    const inside =
      next.body && next.shortcut ? residualOf(next, poolsFirst(next.body), poolsFirst(next.shortcut)) : next;
    const last = result.at(-1);
    const commutes =
      last !== undefined &&
      (COMMUTES_WITH_MAXIMUM.has(last.layer.type) || (last.layer.type === 'leaky-relu' && last.layer.slope >= 0));
    if (next.layer.type === 'max-pool' && commutes) result.splice(-1, 0, inside);
    else result.push(inside);
  }
  return result;
}

const residualOf = (given: GraphLayer, body: readonly GraphLayer[], shortcut: readonly GraphLayer[]): GraphLayer => ({
  ...given,
  layer: { type: 'residual', body: body.map(({ layer }) => layer), shortcut: shortcut.map(({ layer }) => layer) },
  body,
  shortcut,
});

/** A last convolution as a dense layer: of a whole image, or of single pixels if their mean follows. */
function denseAtEnd(chain: readonly GraphLayer[], input: Shape): GraphLayer[] {
  const [conv, end] = chain.slice(-2);
  if (conv?.layer.type !== 'conv2d') return [...chain];
  const { kernel, stride = 1, padding = 'valid', filters } = conv.layer;
  const before = chain.slice(0, -2);
  const shape = before.reduce<Shape>((reached, { layer }) => outputShape(layer, reached), input);
  const coversAll = padding === 'valid' && shape[0] === kernel && shape[1] === kernel;
  const isMean = end.layer.type === 'global-average-pool' && kernel === 1 && stride === 1 && padding === 'valid';
  if (!(end.layer.type === 'flatten' && coversAll) && !isMean) return [...chain];
  const { kernel: weights, bias } = conv.parameters!;
  const inputs = weights.values.length / filters;
  const dense: GraphLayer = {
    ...conv,
    layer: { type: 'dense', name: '', units: filters },
    parameters: {
      kernel: { shape: [inputs, filters], values: weights.values },
      bias: bias ?? { shape: [filters], values: new Float32Array(filters) },
    },
    output: end.output,
  };
  return [...before, end, dense];
}

/** Names layers by kind and number, such as `conv1`; those of the third residual block begin with `block3-`. */
export function named(chain: readonly GraphLayer[]): GraphLayer[] {
  const counts: Record<string, number> = {};
  const count = (kind: string): string => {
    counts[kind] = (counts[kind] ?? 0) + 1;
    return `${kind}${counts[kind]}`;
  };
  return chain.map((given) => {
    const { layer, body, shortcut } = given;
    if (body && shortcut) {
      const block = count('block');
      return residualOf(given, prefixed(block, named(body)), prefixed(`${block}-shortcut`, named(shortcut)));
    }
    const kind = KINDS[layer.type];
    return kind && 'name' in layer ? { ...given, layer: { ...layer, name: count(kind) } } : given;
  });
}

const KINDS: Partial<Record<Layer['type'], string>> = {
  conv2d: 'conv',
  'depthwise-conv2d': 'depthwise',
  'general-conv2d': 'conv',
  dense: 'fc',
  'batch-norm': 'bn',
  prelu: 'prelu',
  shift: 'shift',
  scale: 'scale',
};

function prefixed(prefix: string, chain: readonly GraphLayer[]): GraphLayer[] {
  return chain.map((given) => {
    const { layer, body, shortcut } = given;
    if (body && shortcut) return residualOf(given, prefixed(prefix, body), prefixed(prefix, shortcut));
    return 'name' in layer ? { ...given, layer: { ...layer, name: `${prefix}-${layer.name}` } } : given;
  });
}
