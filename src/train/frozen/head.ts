import type * as tf from '@tensorflow/tfjs-core';
import { exitsOf, numbered } from '../../base/exits.js';
import { isBranch, type JointNetwork, type Part, type Shape } from '../../network/layers.js';
import { type PlacedLayer, placeLayers, sharedShapes } from '../../network/shapes.js';
import type { TensorFunction } from '../../onnx/trace.js';
import type { BinaryPass } from '../binary-layers.js';
import { applyLayer, type ForwardPass } from '../forward.js';

/**
 * The head is what `--views` trains: the full network's last layer and the branches. It reads what the frozen layers
 * before it compute: the outputs of the shared parts (`shared`, `shared2`, ...), and the input of the last layer
 * (`full`).
 */
export type HeadInputs = Readonly<Record<string, Shape>>;

/** Names and shapes of what the head reads, in a fixed order. */
export function headInputs(network: JointNetwork): HeadInputs {
  const shared = sharedShapes(network).map((shape, i) => [numbered('shared', i), shape] as const);
  return { ...Object.fromEntries(shared), full: lastLayer(network).input };
}

/** Whether a parameter belongs to the head. */
export function isOfHead(network: JointNetwork, parameter: string): boolean {
  const { layer } = lastLayer(network);
  return isBranch(parameter) || ('name' in layer && parameter.startsWith(`full.${layer.name}.`));
}

/** Computes what the head reads from `images` [n, height, width, channels], in inference mode. */
export function frozenFunction(network: JointNetwork): TensorFunction {
  const layers = placeLayers(network).filter(({ part }) => !isBranch(part));
  const through = (placed: readonly PlacedLayer[], x: tf.Tensor, inputs: tf.NamedTensorMap): tf.Tensor =>
    placed.reduce((y, layer) => applyLayer(layer, y, inputs, undefined, {}), x);
  return (inputs) => {
    let x: tf.Tensor = inputs.images;
    const read: tf.NamedTensorMap = {};
    for (const [i] of exitsOf(network).entries()) {
      const name = numbered('shared', i);
      x = through(
        layers.filter(({ part }) => part === name),
        x,
        inputs,
      );
      read[name] = x;
    }
    const full = layers.filter(({ part }) => part === 'full').slice(0, -1);
    return { ...read, full: through(full, x, inputs) };
  };
}

/** `forward` from the head's inputs, which are among the tensors: the logits are those of the whole network. */
export function headForward(
  network: JointNetwork,
  tensors: tf.NamedTensorMap,
  training: (part: Part) => boolean,
  binary: BinaryPass = {},
): ForwardPass {
  const layers = placeLayers(network).filter(({ part }) => isBranch(part));
  const statistics: tf.NamedTensorMap = {};
  const branches = exitsOf(network).map((_, i) => {
    const part = numbered('branch', i);
    const kept = training(part) ? statistics : undefined;
    return layers
      .filter((placed) => placed.part === part)
      .reduce(
        (y, placed) => applyLayer(placed, y, tensors, kept, binary),
        tensors[numbered('shared', i)],
      ) as tf.Tensor2D;
  });
  const full = applyLayer(lastLayer(network), tensors.full, tensors, undefined, binary) as tf.Tensor2D;
  return { shared: tensors[numbered('shared', branches.length - 1)], full, branches, statistics };
}

/** Logits of all branches from the head's inputs, with running statistics. */
export function headInference(network: JointNetwork): TensorFunction {
  return (tensors) => {
    const { full, branches } = headForward(network, tensors, () => false);
    return { full, ...Object.fromEntries(branches.map((branch, i) => [numbered('branch', i), branch])) };
  };
}

function lastLayer(network: JointNetwork): PlacedLayer {
  const last = placeLayers(network)
    .filter(({ part }) => part === 'full')
    .at(-1);
  if (!last) throw new Error(`network ${network.name} has no layers behind its shared part`);
  return last;
}
