import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers'; // registers tfjs's gradients, which tfjs-core alone does not
import { numbered } from '../base/exits.js';
import { isOfHead } from '../network/head.js';
import { isBranch, type JointNetwork } from '../network/layers.js';
import { networkParameters, type Parameter } from '../network/parameters.js';
import type { TensorFunction } from '../onnx/trace.js';
import type { EstimatorName } from './estimators.js';
import { type ForwardPass, forward, fullLogits } from './forward.js';
import { headForward } from './frozen/head-pass.js';
import { crossEntropy, distillation, smoothed } from './loss.js';
import { OPTIMIZERS, type OptimizerName } from './optimizers.js';
import { ofTeacher } from './teacher.js';

export interface StepOptions {
  readonly optimizer: OptimizerName;
  /** Weight decay λ, on float weights only: not on biases, batch normalisation or latent binary weights. */
  readonly weightDecay: number;
  /** Weight of each branch's loss in the sum (1 in Eq. 1). */
  readonly branchWeight: number;
  /**
   * Weight and temperature of distillation, from the full branch and from a teacher to the full branch; weight 0 turns
   * it off.
   */
  readonly distillation: number;
  readonly temperature: number;
  /** Default 0. */
  readonly labelSmoothing?: number;
  /** With `balanced`, targets are multiplied by the weights of their classes. Default `none`. */
  readonly classWeights?: 'none' | 'balanced';
  /** Gradient of the activations' signs. Default `clip`. */
  readonly estimator?: EstimatorName;
  /** Train only the binary branches; the full network runs in inference mode. Default false. */
  readonly freezeFull?: boolean;
  /**
   * Above 0, only the last layer and the branches are trained, and a step reads what the frozen layers compute
   * (`headInputs`) instead of images. Default 0.
   */
  readonly views?: number;
  /** With `views`: blocks before the last layer that are trained as well. Their batch normalisation keeps its statistics. */
  readonly fineTune?: number;
  /** Decay per step of the average of the weights. Default 0: no average. */
  readonly averageDecay?: number;
}

/** The options that decide which parameters a step changes. */
type Frozen = Pick<StepOptions, 'freezeFull' | 'views' | 'fineTune'>;

/** Names of a step's inputs besides the state; `averageKeep` only if weights are averaged. */
export const STEP_INPUTS = [
  'images',
  'targets',
  'rate',
  'branchRate',
  'correction1',
  'correction2',
  'averageKeep',
] as const;

/** The name of a parameter's optimiser slot. */
export const slotName = (parameter: string, slot: string): string => `optimizer.${slot}.${parameter}`;

/**
 * Parameters that a step changes, including running statistics. If the full network is frozen, only those of the
 * branches; with `views`, those of the full network's head as well.
 */
function changedParameters(
  network: JointNetwork,
  { freezeFull = false, views = 0, fineTune = 0 }: Frozen,
): Parameter[] {
  const inHead = views > 0 ? isOfHead(network, fineTune) : () => true;
  const isTrained = ({ name, role }: Parameter): boolean =>
    !freezeFull && inHead(name) && (views === 0 || role !== 'statistic');
  return networkParameters(network).filter((parameter) => isBranch(parameter.name) || isTrained(parameter));
}

/**
 * Name of the slot with the weights under training. The average gets the parameter's own name, because it is the
 * result.
 */
const RAW = 'raw';

/** A tensor of the same shape as a parameter that training keeps for it. */
export interface OptimizerSlot {
  readonly name: string;
  readonly parameter: Parameter;
  /** Whether it starts as a copy of the parameter instead of 0. */
  readonly startsAsCopy: boolean;
}

/** The optimiser slots of a network. */
export function optimizerSlots(
  network: JointNetwork,
  { optimizer, averageDecay = 0, ...frozen }: Pick<StepOptions, 'optimizer' | 'averageDecay'> & Frozen,
): OptimizerSlot[] {
  return changedParameters(network, frozen).flatMap((parameter) => {
    const slots = parameter.role === 'statistic' ? [] : OPTIMIZERS[optimizer].slots;
    return [...slots, ...(averageDecay > 0 ? [RAW] : [])].map((slot) => ({
      name: slotName(parameter.name, slot),
      parameter,
      startsAsCopy: slot === RAW,
    }));
  });
}

/** The average is updated only once in this many steps, because that is a pass over all weights. */
const AVERAGE_EVERY = 5;

/** The share of the average that a step keeps; `step` counts from 1. */
export const averageKeep = (averageDecay: number, step: number): number =>
  step % AVERAGE_EVERY === 0 ? averageDecay ** AVERAGE_EVERY : 1;

/**
 * Algorithm 1 as one function of tensors: forward pass through all branches, summed loss (Eq. 1), gradients, and an
 * update with one learning rate for the full part and one for the branches. Latent weights are clipped to [-1, 1].
 *
 * It takes parameters, slots and `STEP_INPUTS` by name (images [n, h, w, c], one-hot targets [n, classes], scalars). With
 * `crossFitted`, logits [n, classes], the branches are distilled from these instead of the full branch's. It
 * returns the new parameters and slots under the same names, `fullLoss`, `branchLoss`, and the logits `full` and
 * `branch`; with several exits also `branch2Loss`, `branch2`, and so on.
 *
 * @param floatWeights the branch's weights are still real: the first stage of two-stage training (Martinez et al. 2020,
 *   arXiv 2003.11535). Default false.
 * @param teacher network whose full branch is distilled into this one's; its parameters have `ofTeacher` names
 */
export function trainStep(
  network: JointNetwork,
  options: StepOptions,
  floatWeights = false,
  teacher?: JointNetwork,
): TensorFunction {
  const { freezeFull = false, views = 0, fineTune = 0, averageDecay = 0 } = options;
  const changed = changedParameters(network, options);
  const trained = changed.filter(({ role }) => role !== 'statistic');
  /** Name of a changed parameter during training. */
  const rawName = (name: string): string => (averageDecay > 0 ? slotName(name, RAW) : name);
  const training = freezeFull || views > 0 ? isBranch : () => true;
  const through = views > 0 ? headOf(fineTune) : imageForward;
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
      const pass = through(network, current, training, { estimator: options.estimator, floatWeights });
      const targets = smoothed(
        inputs.targets as tf.Tensor2D,
        options.labelSmoothing ?? 0,
        options.classWeights === 'balanced',
      );
      const fullLoss = crossEntropy(pass.full, targets);
      observe('full', pass.full);
      observe('fullLoss', fullLoss);
      for (const [name, tensor] of Object.entries(pass.statistics)) observe(rawName(name), tensor);
      const learned = taught ? distilledLoss(fullLoss, pass.full, taught) : fullLoss;
      return pass.branches.reduce<tf.Scalar>((sum, branch, i) => {
        const branchLoss = crossEntropy(branch, targets);
        observe(numbered('branch', i), branch);
        observe(`${numbered('branch', i)}Loss`, branchLoss);
        if (branch === pass.full) return sum; // a network without branches
        const summed = tf.add(sum, tf.mul(branchLoss, options.branchWeight)) as tf.Scalar;
        return distilledLoss(summed, branch, (inputs.crossFitted ?? pass.full) as tf.Tensor2D);
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

type Through = (network: JointNetwork, tensors: tf.NamedTensorMap, ...how: How) => ForwardPass;
type How = [training: Parameters<typeof forward>[3], binary: Parameters<typeof forward>[4]];

/** The forward pass of a step that reads images, which are among its parameters. */
const imageForward: Through = (network, tensors, ...how) => forward(network, tensors, tensors.images, ...how);

/** The forward pass of a step that reads what frozen layers compute. */
const headOf =
  (fineTune: number): Through =>
  (network, tensors, training, binary) =>
    headForward(network, tensors, training, binary, fineTune);

/**
 * Computes the logits on `images` with running statistics: `full` and `branch` (`branch2`, ...) [n, classes], and the
 * output of the last shared part, `shared`.
 *
 * @param inspected also returns the input of each binary layer before the sign, in their order: `signed`, `signed2`,
 *   ...
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
