import type { BatchNorm, ChannelShift, HardTanh, Prelu, Relu, Shape } from '../../network/layers.js';
import { channelsOf } from '../../network/shapes.js';
import { applyAffine, type Builder, floats, flush, type Lowerer, limitTo, nameOf, parameterOf } from './builder.js';
import { affineOf } from './epilogue.js';
import { type Affine, composed } from './fold.js';

/** Batch normalisation and shifts wait for the layer that follows: many layers apply them for free. */
export const batchNormOrShift: Lowerer<BatchNorm | ChannelShift> = (builder, placed) => {
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

/** max(x, -1) = -min(-x, 1), because the kernels have a minimum only: the value is negated and limited twice. */
export const hardTanh: Lowerer<HardTanh> = (builder, placed) => {
  const channels = pendingChannels(builder, placed.output);
  const negation: Affine = { scale: new Float32Array(channels).fill(-1), shift: new Float32Array(channels) };
  for (let turn = 0; turn < 2; turn++) {
    const { pending } = builder;
    builder.pending = {
      name: pending?.name ?? `minus${channels}`,
      affine: pending ? composed(pending.affine, negation) : negation,
    };
    applyAffine(builder, placed.output, null, nameOf(placed));
    limitTo(builder, 1, placed.output);
  }
};

const pendingChannels = ({ pending }: Builder, shape: Shape): number =>
  pending?.affine.shift.length ?? channelsOf(shape);
