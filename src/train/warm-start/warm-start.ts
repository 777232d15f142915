import { UserError } from '../../base/errors.js';
import type { NamedArrays } from '../../base/tensors.js';
import { isModelName } from '../../models/catalog.js';
import { startFile } from '../../models/model-file.js';
import type { JointNetwork, Shape } from '../../network/layers.js';
import { BATCH_NORM_EPSILON, isBranch } from '../../network/layers.js';
import { layerParameters } from '../../network/parameters.js';
import { flattenChains, type PlacedLayer, placeLayers } from '../../network/shapes.js';
import type { Config } from '../../run/config.js';
import { currentStage } from '../../run/stages.js';
import { startBranchFromFull } from '../branch-start.js';
import { initialParameters, initialSlots } from '../initial-state.js';
import { pytorchNames } from './pytorch-names.js';
import { readSource, type Source } from './source.js';
import type { SourceKind, SourceLayer } from './source-layer.js';

/** Result of a warm start, by layers. */
export interface WarmStart {
  /** Layers of the network whose parameters come from the file. */
  readonly taken: readonly string[];
  /** Layers of the full-precision network that the file doesn't have, or has for another number of classes. */
  readonly missing: readonly string[];
  /** Layers of the file that the network doesn't have. */
  readonly leftOver: readonly string[];
}

/**
 * The initial state of a run: random by its seed, or warm if it has `initFrom`. For a run with stages, all parameters
 * and the slots of the first stage.
 *
 * @param source what `initFrom` holds, if it was read already
 * @throws UserError as `warmStart`, and if a network that is to be frozen, or to initialise the branch, isn't complete
 */
export function startState(
  config: Config,
  network: JointNetwork,
  source?: Source,
): { readonly state: NamedArrays; readonly warmStart?: WarmStart } {
  const first = currentStage({ config, network }, undefined);
  const { seed, initFrom, freezeFull, views, branchStart, allowLeftOver } = first.config;
  if (freezeFull && initFrom === undefined) {
    throw new UserError('freezeFull: expected a trained network to keep as it is, found none; give --init-from');
  }
  if (freezeFull && network.branch.length === 0) {
    throw new UserError('freezeFull: expected a branch to train, found none; leave it out, or --branch none');
  }
  if (views > 0 && initFrom === undefined) {
    throw new UserError('views: expected a trained network whose layers are kept, found none; give --init-from');
  }
  if (branchStart === 'full' && initFrom === undefined && !config.stages) {
    throw new UserError('branchStart full: expected a trained full network, found none; give --init-from');
  }
  const parameters = initialParameters(network, seed);
  const warm =
    initFrom === undefined
      ? undefined
      : warmStart(parameters, network, source ?? readSource(startFile(initFrom)), isModelName(initFrom));
  if (warm && warm.leftOver.length > 0 && !allowLeftOver) {
    const shown = warm.leftOver.slice(0, 5).join(', ') + (warm.leftOver.length > 5 ? ', ...' : '');
    throw new UserError(
      `${initFrom}: expected the layers of ${network.name} (${warm.taken.length} found), found ${warm.leftOver.length} ` +
        `others as well (${shown}); choose the network that the file holds, or give --allow-left-over to ignore them`,
    );
  }
  if (warm && branchStart === 'full') startBranchFromFull(parameters, network);
  const state = { ...parameters, ...initialSlots(parameters, first.network, first.config) };
  if (initFrom === undefined || !warm) return { state };
  if (freezeFull && warm.missing.length > 0) {
    throw new UserError(
      `${initFrom}: expected every layer of ${network.name}, because only the branch is trained; it lacks ` +
        `${warm.missing.join(', ')}. Give --no-freeze-full to train them`,
    );
  }
  const frozen = views > 0 ? warm.missing.filter((name) => !name.endsWith(`.${lastLayerName(network)}`)) : [];
  if (frozen.length > 0) {
    throw new UserError(
      `${initFrom}: expected every layer of ${network.name} except the last one, because --views keeps them; it lacks ` +
        `${frozen.join(', ')}. Leave --views out to train them`,
    );
  }
  return { state, warmStart: warm };
}

/**
 * Replaces the shared and full parameters by those of a trained full-precision network. Layers are matched by our names
 * or those of PyTorch's collections; layers of an ONNX model without known names, by their order. A last layer for
 * another number of classes is not replaced.
 *
 * @param newLastLayer don't take the last layer, even if it has as many classes
 * @throws UserError if no layer matches, a shape differs, or a number isn't finite
 */
export function warmStart(state: NamedArrays, network: JointNetwork, source: Source, newLastLayer = false): WarmStart {
  const { targets, matched } = matchSource(network, source);
  const flattened = flattenedShapes(network);
  const [taken, missing] = [[] as string[], [] as string[]];
  for (const [i, placed] of targets.entries()) {
    const name = nameOf(placed);
    const found = matched[i] && convert(placed, matched[i], flattened.get(name));
    const other = found && i === targets.length - 1 && (newLastLayer || isOfOtherClasses(placed, found));
    for (const parameter of found && !other ? layerParameters(placed) : []) {
      const given = found![parameter.name];
      const wrong = (expected: string, what: string) =>
        new UserError(`${source.path}: expected ${expected} for ${network.name}, found ${what} in ${matched[i]!.name}`);
      if (!given) throw wrong(parameter.name, `only ${Object.keys(matched[i]!.tensors).join(', ')}`);
      if (given.shape.join() !== parameter.shape.join()) {
        throw wrong(`${parameter.name} of shape [${parameter.shape}]`, `shape [${given.shape}]`);
      }
      if (!biasHasPlace(placed, matched[i]!, matched[i + 1])) throw wrong(`no bias for ${name}`, 'one');
      if (!given.values.every(Number.isFinite)) throw wrong(`finite numbers in ${parameter.name}`, 'others');
      state[parameter.name] = { shape: parameter.shape, values: given.values.slice() };
    }
    (found && !other ? taken : missing).push(name);
  }
  if (taken.length === 0) {
    throw new UserError(
      `${source.path}: expected layers of ${network.name} (${missing.slice(0, 3).join(', ')}, ...), found ` +
        `${
          source.layers.length === 0
            ? 'none'
            : source.layers
                .slice(0, 3)
                .map(({ name }) => name)
                .join(', ')
        }`,
    );
  }
  const used = new Set(matched);
  return { taken, missing, leftOver: source.layers.filter((layer) => !used.has(layer)).map(({ name }) => name) };
}

function lastLayerName({ shared, full }: JointNetwork): string {
  const last = [...shared, ...full].at(-1);
  return last && 'name' in last ? last.name : '';
}

const nameOf = ({ part, layer }: PlacedLayer): string => `${part}.${'name' in layer ? layer.name : layer.type}`;

type Match = SourceLayer | undefined;

/** The layers of the full-precision network that have parameters, in order, with the matching layer of the source. */
export function matchSource(
  network: JointNetwork,
  source: Source,
): { readonly targets: readonly PlacedLayer[]; readonly matched: readonly Match[] } {
  const targets = flattenChains(placeLayers(network)).filter(
    (placed) => !isBranch(placed.part) && layerParameters(placed).length > 0,
  );
  return { targets, matched: match(targets, network, source) };
}

function match(targets: readonly PlacedLayer[], network: JointNetwork, { path, layers, inOrder }: Source): Match[] {
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  const named = targets.map(({ layer }) => {
    const name = 'name' in layer ? layer.name : layer.type;
    const known = byName.has(name) ? name : pytorchNames(network, name).find((candidate) => byName.has(candidate));
    return known === undefined ? undefined : byName.get(known);
  });
  const unnamed = layers.some((layer) => !named.includes(layer));
  // An exporter that folds normalisations keeps the names of the convolutions.
  const folded = targets.some(({ layer }, i) => layer.type === 'batch-norm' && named[i] === undefined);
  return inOrder && (unnamed || folded) ? matchInOrder(targets, layers, path) : named;
}

/**
 * Matches layers one by one. A batch normalisation that the exporter folded into its convolution is rebuilt: it adds the
 * bias that the exporter gave the convolution, unless our convolution has a bias itself.
 */
function matchInOrder(targets: readonly PlacedLayer[], layers: readonly SourceLayer[], path: string): Match[] {
  let next = 0;
  return targets.map(({ layer, part }, i): Match => {
    const found = layers[next];
    const kind = kindOf(layer.type);
    if (kind === 'batch-norm' && found?.kind !== kind && next > 0) {
      const epsilon = layer.type === 'batch-norm' ? layer.epsilon : undefined;
      return foldedNorm(layers[next - 1], !hasBias(targets[i - 1]), epsilon);
    }
    if (!found) return undefined;
    if (found.kind !== kind) {
      const name = 'name' in layer ? layer.name : layer.type;
      throw new UserError(
        `${path}: expected ${part}.${name} (${layer.type}) in its place, found ${found.name} (${found.kind})`,
      );
    }
    next++;
    return found;
  });
}

function kindOf(type: PlacedLayer['layer']['type']): SourceKind | undefined {
  if (type.endsWith('conv2d')) return 'conv';
  return type === 'dense' || type === 'batch-norm' || type === 'prelu' ? type : undefined;
}

/** If our convolution doesn't have a bias, the source's bias must have become part of the normalisation after it. */
function biasHasPlace(placed: PlacedLayer, { tensors: { bias } }: SourceLayer, after: Match): boolean {
  return hasBias(placed) || !bias || after?.tensors.beta === bias;
}

const hasBias = ({ layer }: PlacedLayer): boolean =>
  layer.type !== 'depthwise-conv2d' && !('bias' in layer && layer.bias === false);

/** A normalisation that only adds the convolution's bias, or changes nothing. */
function foldedNorm(
  { name, tensors: { bias, weight } }: SourceLayer,
  addsBias: boolean,
  epsilon: number = BATCH_NORM_EPSILON,
): SourceLayer {
  const channels = [bias?.values.length ?? weight.shape[0]];
  const filled = (value: number) => ({ shape: channels, values: new Float32Array(channels[0]).fill(value) });
  return {
    name,
    layout: 'lcdnn',
    tensors: {
      gamma: filled(Math.sqrt(1 + epsilon)),
      beta: addsBias && bias ? bias : filled(0),
      mean: filled(0),
      variance: filled(1),
    },
  };
}

const PYTORCH_NAMES: Readonly<Record<string, string>> = {
  kernel: 'weight',
  gamma: 'weight',
  slope: 'weight',
  bias: 'bias',
  beta: 'bias',
  mean: 'running_mean',
  variance: 'running_var',
};

/** The tensors of a source layer, with the names and axis order of this layer's parameters. */
function convert(placed: PlacedLayer, source: SourceLayer, image: Shape | undefined): NamedArrays {
  const { layer } = placed;
  return Object.fromEntries(
    layerParameters(placed).flatMap(({ name }) => {
      const parameter = name.slice(name.lastIndexOf('.') + 1);
      const given = source.tensors[source.layout === 'lcdnn' ? parameter : PYTORCH_NAMES[parameter]];
      if (!given) return [];
      if (source.layout === 'lcdnn' || parameter !== 'kernel') return [[name, given]];
      if (layer.type === 'dense') return [[name, denseKernel(given, source.channelsLast ? undefined : image)]];
      return [[name, convKernel(given, layer.type === 'depthwise-conv2d')]];
    }),
  );
}

/** [filters, channels, height, width] to [height, width, channels, filters]; for a depthwise layer [.., filters, 1]. */
function convKernel({ shape, values }: NamedArrays[string], depthwise: boolean): NamedArrays[string] {
  if (shape.length !== 4) return { shape, values };
  const [filters, channels, height, width] = shape;
  const taps = height * width;
  const turned = values.map((_, i) => {
    const [filter, channel, tap] = [
      i % filters,
      Math.floor(i / filters) % channels,
      Math.floor(i / filters / channels),
    ];
    return values[(filter * channels + channel) * taps + tap];
  });
  return { shape: depthwise ? [height, width, filters, channels] : [height, width, channels, filters], values: turned };
}

/**
 * [units, inputs], or as a convolution [units, channels, height, width], to [inputs, units].
 *
 * @param image shape of the flattened image before the layer; its features are in the order channels, height, width
 */
function denseKernel({ shape, values }: NamedArrays[string], image: Shape | undefined): NamedArrays[string] {
  if (shape.length !== 2 && shape.length !== 4) return { shape, values };
  const [units] = shape;
  const inputs = values.length / units;
  const channels = image?.[2] ?? 1;
  const pixels = inputs / channels;
  const turned = values.map((_, i) => {
    const [unit, input] = [i % units, Math.floor(i / units)];
    return values[unit * inputs + (input % channels) * pixels + Math.floor(input / channels)];
  });
  return { shape: [inputs, units], values: turned };
}

/** Shapes of images that are flattened directly before a dense layer, by the name of that layer. */
function flattenedShapes(network: JointNetwork): Map<string, Shape> {
  const shapes = new Map<string, Shape>();
  let image: Shape | undefined;
  for (const placed of placeLayers(network).filter(({ part }) => part !== 'branch')) {
    if (placed.layer.type === 'flatten') image = placed.input.length === 3 ? placed.input : image;
    if (placed.layer.type !== 'dense') continue;
    if (image) shapes.set(nameOf(placed), image);
    image = undefined;
  }
  return shapes;
}

/** Whether a last layer reads the same features, but is for other classes. */
function isOfOtherClasses({ layer, part }: PlacedLayer, found: NamedArrays): boolean {
  const kernel = layer.type === 'dense' ? found[`${part}.${layer.name}.kernel`] : undefined;
  if (!kernel || layer.type !== 'dense') return false;
  return kernel.shape.length === 2 && kernel.shape[1] !== layer.units;
}
