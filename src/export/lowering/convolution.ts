import { exactDepthwiseSteps, exactSteps } from '../../network/deployed.js';
import type { Conv2d, Dense, DepthwiseConv2d } from '../../network/layers.js';
import { channelsOf, type PlacedLayer } from '../../network/shapes.js';
import { geometryOf } from '../geometry.js';
import type { ConstantLayout } from '../program.js';
import {
  affineConstants,
  allocateFloats,
  type Builder,
  constant,
  emit,
  floats,
  flush,
  type Lowerer,
  limitConstant,
  nameOf,
  parameterOf,
} from './builder.js';
import { readEpilogue } from './epilogue.js';

/** Includes the batch normalisation, shifts and activation after it. */
export const conv2d: Lowerer<Conv2d> = (builder, placed, next) => {
  const { layer, input, output } = placed;
  flush(builder, input);
  const { x } = builder;
  const y = allocateFloats(builder, output);
  const name = nameOf(placed);
  const w = constant(builder, `${name}.kernel`, convolutionKernel(builder, placed));
  const bias = layer.bias === false ? null : floats(builder, `${name}.bias`, parameterOf(builder, placed, 'bias'));
  const { epilogue, hardSwish, taken } = epilogueConstants(builder, name, next);
  const call = { x, w, bias, ...epilogue, y, ...geometryOf(layer, input, output) };
  emit(builder, hardSwish ? 'conv2d_hard_swish_f32' : 'conv2d_f32', call);
  builder.x = y;
  return taken;
};

/** As a convolution. */
export const depthwiseConv2d: Lowerer<DepthwiseConv2d> = (builder, placed, next) => {
  const { layer, input, output } = placed;
  flush(builder, input);
  const { x } = builder;
  const y = allocateFloats(builder, output);
  const name = nameOf(placed);
  const w = constant(builder, `${name}.kernel`, convolutionKernel(builder, placed));
  const { epilogue, hardSwish, taken } = epilogueConstants(builder, name, next);
  const call = { x, w, ...epilogue, y, ...geometryOf(layer, input, output) };
  emit(builder, hardSwish ? 'depthwise_conv2d_hard_swish_f32' : 'depthwise_conv2d_f32', call);
  builder.x = y;
  return taken;
};

/** The layers after a float convolution that its epilogue includes, as constants, and their number. */
function epilogueConstants(builder: Builder, name: string, next: readonly PlacedLayer[]) {
  const { affine, slope, most, hardSwish, taken } = readEpilogue(next, builder.state, { limits: true });
  const epilogue = {
    ...affineConstants(builder, name, affine),
    slope: slope ? floats(builder, slope.name, slope.values) : null,
    most: most === undefined ? null : limitConstant(builder, most),
  };
  return { epilogue, hardSwish, taken };
}

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

/** The kernel of a convolution; in whole steps if it was deployed that way (`deployedState`). */
function convolutionKernel(builder: Builder, placed: PlacedLayer): ConstantLayout {
  const values = parameterOf(builder, placed, 'kernel');
  const exact = placed.layer.type === 'depthwise-conv2d' ? exactDepthwiseSteps : exactSteps;
  const stepped = exact(values, channelsOf(placed.output));
  return stepped ? { kind: 'i8', ...stepped, each: 1 } : { kind: 'f32', values };
}

/** Kernel [inputs, units] as rows, one per unit; in whole steps if it was deployed that way (`deployedState`). */
function denseKernel(kernel: Float32Array, inputs: number, units: number): ConstantLayout {
  const stepped = exactSteps(kernel, units);
  if (!stepped) return { kind: 'f32', values: transposed(kernel, inputs, units) };
  return { kind: 'i8', steps: transposed(stepped.steps, inputs, units), scales: stepped.scales, each: inputs };
}

function transposed<Numbers extends Float32Array | Int8Array>(matrix: Numbers, rows: number, columns: number): Numbers {
  return matrix.map((_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]) as Numbers;
}
