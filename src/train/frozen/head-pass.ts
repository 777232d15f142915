import type * as tf from '@tensorflow/tfjs-core';
import { exitsOf, numbered } from '../../base/exits.js';
import { fullHead } from '../../network/head.js';
import { isBranch, type JointNetwork, type Part } from '../../network/layers.js';
import { placeLayers } from '../../network/shapes.js';
import type { TensorFunction } from '../../onnx/trace.js';
import type { BinaryPass } from '../binary-layers.js';
import { applyLayer, type ForwardPass } from '../forward.js';

/**
 * `forward` from the head's inputs, which are among the tensors: the logits are those of the whole network. The full
 * network's batch normalisation keeps its statistics.
 */
export function headForward(
  network: JointNetwork,
  tensors: tf.NamedTensorMap,
  training: (part: Part) => boolean,
  binary: BinaryPass = {},
  fineTune = 0,
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
  const full = fullHead(network, fineTune).reduce(
    (y, placed) => applyLayer(placed, y, tensors, undefined, binary),
    tensors.full,
  ) as tf.Tensor2D;
  if (network.branch.length === 0) {
    return { shared: tensors.full, full, branches: exitsOf(network).map(() => full), statistics };
  }
  return { shared: tensors[numbered('shared', branches.length - 1)], full, branches, statistics };
}

/** Logits of all branches from the head's inputs, with running statistics. */
export function headInference(network: JointNetwork, fineTune = 0): TensorFunction {
  return (tensors) => {
    const { full, branches } = headForward(network, tensors, () => false, {}, fineTune);
    return { full, ...Object.fromEntries(branches.map((branch, i) => [numbered('branch', i), branch])) };
  };
}
