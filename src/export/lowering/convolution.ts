import { exactSteps } from '../../network/deployed.js';
import type { Conv2d, Dense, DepthwiseConv2d } from '../../network/layers.js';
import { geometryOf } from '../geometry.js';
import type { ConstantLayout } from '../program.js';
import {
  affineConstants,
  allocateFloats,
  constant,
  emit,
  floats,
  flush,
  type Lowerer,
  nameOf,
  parameterOf,
} from './builder.js';
import { readEpilogue } from './epilogue.js';

/** Includes the batch normalisation, shifts and (P)ReLU after it. */
export const conv2d: Lowerer<Conv2d> = (builder, placed, next) => {
  const { layer, input, output } = placed;
  flush(builder, input);
  const { x } = builder;
  const y = allocateFloats(builder, output);
  const name = nameOf(placed);
  const w = floats(builder, `${name}.kernel`, parameterOf(builder, placed, 'kernel'));
  const bias = layer.bias === false ? null : floats(builder, `${name}.bias`, parameterOf(builder, placed, 'bias'));
  const { affine, slope, taken } = readEpilogue(next, builder.state);
  const scaleAndShift = affineConstants(builder, name, affine);
  const epilogue = { ...scaleAndShift, slope: slope ? floats(builder, slope.name, slope.values) : null };
  emit(builder, 'conv2d_f32', { x, w, bias, ...epilogue, y, ...geometryOf(layer, input, output) });
  builder.x = y;
  return taken;
};

export const depthwiseConv2d: Lowerer<DepthwiseConv2d> = (builder, placed) => {
  const { layer, input, output } = placed;
  flush(builder, input);
  const { x } = builder;
  const y = allocateFloats(builder, output);
  const w = floats(builder, `${nameOf(placed)}.kernel`, parameterOf(builder, placed, 'kernel'));
  emit(builder, 'depthwise_conv2d_f32', { x, w, y, ...geometryOf(layer, input, output) });
  builder.x = y;
};

export const dense: Lowerer<Dense> = (builder, placed) => {
  const { layer, input, output } = placed;
  flush(builder, input);
  const { x } = builder;
  const y = allocateFloats(builder, output);
  const name = nameOf(placed);
  const [inputs, units] = [input[0], layer.units];
  const kernel = denseKernel(parameterOf(builder, placed, 'kernel'), inputs, units);
  const w = constant(builder, `${name}.kernel`, kernel);
  const bias = floats(builder, `${name}.bias`, parameterOf(builder, placed, 'bias'));
  emit(builder, 'dense_f32', { x, w, bias, y, inputs, units });
  builder.x = y;
};

/** Kernel [inputs, units] as rows, one per unit; in whole steps if it was deployed that way (`deployedState`). */
function denseKernel(kernel: Float32Array, inputs: number, units: number): ConstantLayout {
  const stepped = exactSteps(kernel, units);
  if (!stepped) return { kind: 'f32', values: transposed(kernel, inputs, units) };
  return { kind: 'i8', steps: transposed(stepped.steps, inputs, units), scales: stepped.scales };
}

function transposed<Numbers extends Float32Array | Int8Array>(matrix: Numbers, rows: number, columns: number): Numbers {
  return matrix.map((_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]) as Numbers;
}
