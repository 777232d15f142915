import { UserError } from '../../base/errors.js';
import type {
  BatchNorm,
  ChannelScale,
  ChannelShift,
  GeneralConv2d,
  HardTanh,
  LeakyRelu,
  Prelu,
  Relu,
  Shape,
  SmoothActivation,
} from '../../network/layers.js';
import { channelsOf, featuresOf } from '../../network/shapes.js';
import {
  allocateFloats,
  applyAffine,
  type Builder,
  emit,
  floats,
  flush,
  type Lowerer,
  limitTo,
  nameOf,
  parameterOf,
} from './builder.js';
import { affineOf } from './epilogue.js';
import { type Affine, composed } from './fold.js';

/** Batch normalisation, scales and shifts wait for the layer that follows: many layers apply them for free. */
export const affineLayer: Lowerer<BatchNorm | ChannelShift | ChannelScale> = (builder, placed) => {
  const affine = affineOf(placed, builder.state)!;
  if (builder.pending?.affine.shift.length !== affine.shift.length) flush(builder, placed.input);
  const { pending } = builder;
  builder.pending = { name: nameOf(placed), affine: pending ? composed(pending.affine, affine) : affine };
};

export const prelu: Lowerer<Prelu> = (builder, placed) => {
  const name = nameOf(placed);
  applyAffine(builder, placed.output, floats(builder, `${name}.slope`, parameterOf(builder, placed, 'slope')), name);
};

/** A PReLU with slope 0, then the limit of a ReLU6. */
export const relu: Lowerer<Relu> = (builder, placed) => {
  const channels = pendingChannels(builder, placed.output);
  const zeros = floats(builder, `zeros${channels}`, new Float32Array(channels));
  applyAffine(builder, placed.output, zeros, nameOf(placed));
  if (placed.layer.max !== undefined) limitTo(builder, placed.layer.max, placed.output);
};

export const leakyRelu: Lowerer<LeakyRelu> = (builder, placed) => {
  const channels = pendingChannels(builder, placed.output);
  const { slope } = placed.layer;
  const slopes = floats(builder, `slope${slope}x${channels}`, new Float32Array(channels).fill(slope));
  applyAffine(builder, placed.output, slopes, nameOf(placed));
};

/** min(max(x / 6 + 0.5, 0), 1). */
export const hardSigmoid: Lowerer<SmoothActivation> = (builder, placed) => {
  const channels = pendingChannels(builder, placed.output);
  const filled = (value: number) => new Float32Array(channels).fill(value);
  addPending(builder, `sixth${channels}`, { scale: filled(1 / 6), shift: filled(0.5) });
  applyAffine(builder, placed.output, floats(builder, `zeros${channels}`, filled(0)), nameOf(placed));
  limitTo(builder, 1, placed.output);
};

/** In a kernel of its own, for outputs of layers other than float convolutions. */
export const hardSwish: Lowerer<SmoothActivation> = (builder, placed) => {
  flush(builder, placed.input);
  const { x } = builder;
  const y = allocateFloats(builder, placed.output);
  emit(builder, 'hard_swish_f32', { x, y, count: featuresOf(placed.output) });
  builder.x = y;
};

/** @throws UserError always: there are no device kernels for these functions */
export const notOnDevice: Lowerer<SmoothActivation | GeneralConv2d> = (_, placed) => {
  throw new UserError(
    `layer ${nameOf(placed)}: expected layers that the device can compute before the branch, found ${placed.layer.type}; ` +
      'attach the branch to an earlier layer (--attach)',
  );
};

/** max(x, -1) = -min(-x, 1), because the kernels have a minimum only: the value is negated and limited twice. */
export const hardTanh: Lowerer<HardTanh> = (builder, placed) => {
  const channels = pendingChannels(builder, placed.output);
  const negation: Affine = { scale: new Float32Array(channels).fill(-1), shift: new Float32Array(channels) };
  for (let turn = 0; turn < 2; turn++) {
    addPending(builder, `minus${channels}`, negation);
    applyAffine(builder, placed.output, null, nameOf(placed));
    limitTo(builder, 1, placed.output);
  }
};

/** Makes an affine map wait for the next layer, after what already waits. */
function addPending(builder: Builder, name: string, affine: Affine): void {
  const { pending } = builder;
  builder.pending = pending ? { name: pending.name, affine: composed(pending.affine, affine) } : { name, affine };
}

const pendingChannels = ({ pending }: Builder, shape: Shape): number =>
  pending?.affine.shift.length ?? channelsOf(shape);
