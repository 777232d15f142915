import { messageOf, UserError } from '../../base/errors.js';
import { normal, random } from '../../base/random.js';
import type { JointNetwork, Layer } from '../../network/layers.js';
import { featuresOf } from '../../network/shapes.js';
import { logitsBefore } from '../../onnx/logits.js';
import { readModel } from '../../onnx/read-model.js';
import { imageInput } from '../../onnx/run-model.js';
import { inSinglePrecision } from '../../onnx/single-precision.js';
import type { Source } from '../warm-start/source.js';
import type { SourceLayer } from '../warm-start/source-layer.js';
import { contextOf } from './context.js';
import { observeModel } from './observed.js';
import { OPERATORS, TAKES_PADDING } from './operators.js';
import { between, type GraphLayer, imagePlace, type Place } from './place.js';
import { named, simplified } from './simplify.js';

/** A network that was read from an ONNX graph. */
export interface ImportedGraph {
  /** The float chain from the image to the logits. */
  readonly layers: readonly Layer[];
  /** The parameters of these layers. */
  readonly source: Source;
  /** The file's tensor of logits: its output, without a softmax at the end. */
  readonly logits: string;
}

/**
 * Turns the graph of an ONNX file into a list of layers with their parameters.
 *
 * @param input shape of the images
 * @throws UserError if the file isn't such a network; it names the first node that isn't supported
 */
export async function importGraph(path: string, input: JointNetwork['input']): Promise<ImportedGraph> {
  const model = inSinglePrecision(readModel(path));
  const image = imageInput(model, path, input);
  const outputs = model.graph!.output!.map(({ name }) => name!);
  if (outputs.length !== 1) {
    throw new UserError(`${path}: expected one output, the logits, found ${outputs.length}: ${outputs.join(', ')}`);
  }
  const logits = logitsBefore(outputs[0], model);
  const observed = await observeModel(model, path, image, normalImage(1, featuresOf(input)), logits);
  const start = imagePlace(image.name, input, image.channelsFirst);
  const places = new Map([[image.name, start]]);
  for (const node of observed.nodes) {
    const context = contextOf(node, observed, places, path);
    const operator = Object.hasOwn(OPERATORS, node.opType!) ? OPERATORS[node.opType!] : undefined;
    if (!operator) {
      throw context.refuse(
        `one of the supported operators (${Object.keys(OPERATORS).sort().join(', ')})`,
        node.opType!,
      );
    }
    const x = places.get(node.input!.find((name) => places.has(name))!)!;
    if (x.padding && !TAKES_PADDING.has(node.opType!)) {
      throw context.refuse('a convolution or pool after a Pad', node.opType!);
    }
    places.set(context.output, applied(operator, context, x));
  }
  const end = places.get(logits);
  if (!end)
    throw new UserError(`${path}: expected an output that depends on the image, found ${logits}, which doesn't`);
  const chain = named(simplified(between(start, end), input));
  requireDenseEnd(path, chain);
  return { layers: chain.map(({ layer }) => layer), source: sourceOf(path, chain), logits };
}

function applied(operator: (typeof OPERATORS)[string], context: ReturnType<typeof contextOf>, x: Place): Place {
  try {
    return operator(context, x);
  } catch (thrown) {
    if (thrown instanceof UserError && !thrown.message.includes(context.node.opType!)) {
      throw context.refuse('a layer that fits the image', messageOf(thrown));
    }
    throw thrown;
  }
}

function requireDenseEnd(path: string, chain: readonly GraphLayer[]): void {
  const last = chain.at(-1);
  if (last?.layer.type === 'dense') return;
  throw new UserError(
    `${path}: expected a network that ends in a fully-connected layer with one logit per class, found ` +
      `${last ? `${last.layer.type} (${last.source})` : 'no layers'} at its end`,
  );
}

function sourceOf(path: string, chain: readonly GraphLayer[]): Source {
  const layers = (given: readonly GraphLayer[]): SourceLayer[] =>
    given.flatMap(({ layer, parameters, source, input, output, body = [], shortcut = [] }) => [
      ...(parameters && 'name' in layer
        ? [
            {
              name: layer.name,
              origin: source,
              layout: 'lcdnn' as const,
              tensors: parameters,
              graph: { input, output },
            },
          ]
        : []),
      ...layers(body),
      ...layers(shortcut),
    ]);
  return { path, layers: layers(chain), inOrder: false };
}

/** Values like those of normalised images. */
export function normalImage(seed: number, size: number): Float32Array {
  const next = random(seed);
  return Float32Array.from({ length: size }, () => normal(next));
}
