import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers'; // registers tfjs's gradients, which tfjs-core alone does not
import { numbered } from '../base/exits.js';
import { isBranch, type JointNetwork } from '../network/layers.js';
import { networkParameters, type Parameter } from '../network/parameters.js';
import type { TensorFunction } from '../onnx/trace.js';
import type { EstimatorName } from './estimators.js';
import { forward, fullLogits } from './forward.js';
import { crossEntropy, distillation, smoothed } from './loss.js';
import { OPTIMIZERS, type OptimizerName } from './optimizers.js';
import { ofTeacher } from './teacher.js';

export interface StepOptions {
  readonly optimizer: OptimizerName;
  /** λ, on float weights only: never on biases, batch normalisation or latent binary weights. */
  readonly weightDecay: number;
  /** Weight of each branch's loss in the sum (Eq. 1 has 1). */
  readonly branchWeight: number;
  /** Weight and temperature of distillation from the full branch, and to it from a teacher; weight 0 leaves it out. */
  readonly distillation: number;
  readonly temperature: number;
  /** Default 0. */
  readonly labelSmoothing?: number;
  /** Gradient of the activations' signs. Default `clip`. */
  readonly estimator?: EstimatorName;
  /** The binary branches alone are trained; the full network is seen as it infers. Default false. */
  readonly freezeFull?: boolean;
  /** Decay per step of the average of the weights; 0, the default, keeps none. */
  readonly averageDecay?: number;
}

/** Names of what a step is fed besides the state; `averageKeep` only if weights are averaged. */
export const STEP_INPUTS = [
  'images',
  'targets',
  'rate',
  'branchRate',
  'correction1',
  'correction2',
  'averageKeep',
] as const;

/** The name under which a parameter's optimiser slot is kept. */
export const slotName = (parameter: string, slot: string): string => `optimizer.${slot}.${parameter}`;

/** Parameters that a step changes, running statistics included: only the branches' if the full network is frozen. */
function changedParameters(network: JointNetwork, freezeFull: boolean): Parameter[] {
  return networkParameters(network).filter(({ name }) => isBranch(name) || !freezeFull);
}

/** The slot of the weights under training. The average then has the parameter's own name, because it is the result. */
const RAW = 'raw';

/** A tensor that training keeps for a parameter, of the same shape. */
export interface OptimizerSlot {
  readonly name: string;
  readonly parameter: Parameter;
  /** It starts as a copy of the parameter, not at 0. */
  readonly startsAsCopy: boolean;
}

/** The optimiser slots of a network. */
export function optimizerSlots(
  network: JointNetwork,
  { optimizer, freezeFull = false, averageDecay = 0 }: Pick<StepOptions, 'optimizer' | 'freezeFull' | 'averageDecay'>,
): OptimizerSlot[] {
  return changedParameters(network, freezeFull).flatMap((parameter) => {
    const slots = parameter.role === 'statistic' ? [] : OPTIMIZERS[optimizer].slots;
    return [...slots, ...(averageDecay > 0 ? [RAW] : [])].map((slot) => ({
      name: slotName(parameter.name, slot),
      parameter,
      startsAsCopy: slot === RAW,
    }));
  });
}

/** The average moves once in this many steps, because it is a pass over all weights. */
const AVERAGE_EVERY = 5;

/** The share of the average that a step keeps; `step` counts from 1. */
export const averageKeep = (averageDecay: number, step: number): number =>
  step % AVERAGE_EVERY === 0 ? averageDecay ** AVERAGE_EVERY : 1;

/**
 * Algorithm 1 as one function of tensors: forward through all branches, summed loss (Eq. 1), gradients, update with a
 * learning rate for the full part and one for the branches, latent weights clipped to [-1, 1].
 *
 * It takes parameters, slots and `STEP_INPUTS` by name (images [n, h, w, c], one-hot targets [n, classes], scalars) and
 * gives the new parameters and slots under the same names, `fullLoss`, `branchLoss`, and the logits `full` and `branch`;
 * with several exits also `branch2Loss`, `branch2`, and so on.
 *
 * @param floatWeights the branch's weights are still real: the first stage of two-stage training (Martinez et al. 2020,
 *   arXiv 2003.11535). Default false.
 * @param teacher whose full network the full branch learns from; its parameters are given under `ofTeacher` names
 */
export function trainStep(
  network: JointNetwork,
  options: StepOptions,
  floatWeights = false,
  teacher?: JointNetwork,
): TensorFunction {
  const { freezeFull = false, averageDecay = 0 } = options;
  const changed = changedParameters(network, freezeFull);
  const trained = changed.filter(({ role }) => role !== 'statistic');
  /** What a changed parameter is called while it is trained. */
  const rawName = (name: string): string => (averageDecay > 0 ? slotName(name, RAW) : name);
  const training = freezeFull ? isBranch : () => true;
  const optimizer = OPTIMIZERS[options.optimizer];
  const distilledLoss = (sum: tf.Scalar, student: tf.Tensor2D, from: tf.Tensor2D): tf.Scalar =>
    options.distillation === 0
      ? sum
      : tf.add(sum, tf.mul(distillation(student, from, options.temperature), options.distillation));

  return (inputs) => {
    const observed: tf.NamedTensorMap = {};
    const observe = (name: string, tensor: tf.Tensor): void => {
      observed[name] = tf.keep(tensor);
    };
    const taught = teacher && fullLogits(teacher, ofTeacher.read(inputs), inputs.images);
    const loss = (...values: tf.Tensor[]): tf.Scalar => {
      const current = { ...inputs };
      for (const { name } of changed) current[name] = inputs[rawName(name)];
      trained.forEach(({ name }, i) => {
        current[name] = values[i];
      });
      const pass = forward(network, current, inputs.images, training, { estimator: options.estimator, floatWeights });
      const targets = smoothed(inputs.targets as tf.Tensor2D, options.labelSmoothing ?? 0);
      const fullLoss = crossEntropy(pass.full, targets);
      observe('full', pass.full);
      observe('fullLoss', fullLoss);
      for (const [name, tensor] of Object.entries(pass.statistics)) observe(rawName(name), tensor);
      const learned = taught ? distilledLoss(fullLoss, pass.full, taught) : fullLoss;
      return pass.branches.reduce<tf.Scalar>((sum, branch, i) => {
        const branchLoss = crossEntropy(branch, targets);
        observe(numbered('branch', i), branch);
        observe(`${numbered('branch', i)}Loss`, branchLoss);
        if (branch === pass.full) return sum; // a network alone
        const summed = tf.add(sum, tf.mul(branchLoss, options.branchWeight)) as tf.Scalar;
        return distilledLoss(summed, branch, pass.full);
      }, learned);
    };

    const { grads } = tf.valueAndGrads(loss)(trained.map(({ name }) => inputs[rawName(name)]));
    const outputs: tf.NamedTensorMap = { ...observed };
    trained.forEach(({ name, role }, i) => {
      const updated = optimizer.update(
        inputs[rawName(name)],
        grads[i],
        optimizer.slots.map((slot) => inputs[slotName(name, slot)]),
        {
          rate: isBranch(name) ? inputs.branchRate : inputs.rate,
          correction1: inputs.correction1,
          correction2: inputs.correction2,
        },
        role === 'weight' ? options.weightDecay : 0,
      );
      outputs[rawName(name)] = role === 'latent' ? tf.clipByValue(updated.parameter, -1, 1) : updated.parameter;
      optimizer.slots.forEach((slot, s) => {
        outputs[slotName(name, slot)] = updated.slots[s];
      });
    });
    if (averageDecay > 0) {
      const { averageKeep: keep } = inputs;
      for (const { name } of changed) {
        const moved = tf.mul(outputs[rawName(name)], tf.sub(1, keep));
        outputs[name] = tf.add(tf.mul(inputs[name], keep), moved);
      }
    }
    return outputs;
  };
}

/**
 * The logits on `images` with running statistics: `full` and `branch` (`branch2`, ...) [n, classes], and the output of
 * the last shared part, `shared`.
 *
 * @param inspected also gives what each binary layer takes the sign of, in their order: `signed`, `signed2`, ...
 */
export function inferenceFunction(network: JointNetwork, inspected = false): TensorFunction {
  return (inputs) => {
    const signed: tf.NamedTensorMap = {};
    const onSigned = (x: tf.Tensor): void => {
      signed[numbered('signed', Object.keys(signed).length)] = x;
    };
    const pass = forward(network, inputs, inputs.images, () => false, inspected ? { onSigned } : {});
    const branches = Object.fromEntries(pass.branches.map((branch, i) => [numbered('branch', i), branch]));
    return { shared: pass.shared, full: pass.full, ...branches, ...signed };
  };
}
