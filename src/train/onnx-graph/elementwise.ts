import type { NamedArray } from '../../base/tensors.js';
import type { Layer, SmoothActivationName } from '../../network/layers.js';
import { channelsOf } from '../../network/shapes.js';
import type { Context, Operator } from './context.js';
import { between, extended, type GraphLayer, meeting, type Place, replacingLast } from './place.js';

/** An activation without parameters. */
const activation =
  (layer: Layer): Operator =>
  (context, x) =>
    extended(x, context.output, [context.layer(layer)]);

const smooth = (type: SmoothActivationName): Operator => activation({ type });

const relu = activation({ type: 'relu' });

const leakyRelu: Operator = (context, x) =>
  activation({ type: 'leaky-relu', slope: shortest(context.float('alpha', 0.01)) })(context, x);

/** The shortest decimal number that is this single-precision number. */
const shortest = (float: number): number => Number(float.toPrecision(7));

const clip: Operator = (context, x) => {
  const { observed, node } = context;
  const limit = (input: number, attribute: string, none: number): number =>
    observed.floats(node.input![input])?.values[0] ?? context.float(attribute, none);
  const [min, max] = [limit(1, 'min', -Infinity), limit(2, 'max', Infinity)];
  if (min === -1 && max === 1) return activation({ type: 'hard-tanh' })(context, x);
  if (min !== 0 || !(max > 0)) throw context.refuse('limits 0 and a positive number, or -1 and 1', `${min} and ${max}`);
  return max > 3e38 ? relu(context, x) : activation({ type: 'relu', max })(context, x);
};

/** The upper limit of a ReLU, or the lower one of any value. */
const minimum: Operator = (context, x) => {
  const limit = constantOf(context)?.values;
  const last = x.layers.at(-1);
  if (limit?.length !== 1 || !(limit[0] > 0) || last?.layer.type !== 'relu' || last.layer.max !== undefined) {
    throw context.refuse('the upper limit of a ReLU', 'another minimum');
  }
  return replacingLast(x, context.output, context.layer({ type: 'relu', max: limit[0] }));
};

const maximum: Operator = (context, x) => {
  const limit = constantOf(context)?.values;
  if (limit?.length !== 1 || limit[0] !== 0) throw context.refuse('the maximum of 0 and a value', 'another maximum');
  return relu(context, x);
};

const hardSigmoid: Operator = (context, x) => {
  const [alpha, beta] = [context.float('alpha', 0.2), context.float('beta', 0.5)];
  if (Math.abs(alpha - 1 / 6) < 1e-6 && beta === 0.5) return smooth('hard-sigmoid')(context, x);
  const filled = (value: number) => perChannel(context, x, { shape: [], values: Float32Array.of(value) });
  return extended(x, context.output, [
    context.layer({ type: 'scale', name: '' }, { scale: filled(alpha) }),
    context.layer({ type: 'shift', name: '' }, { shift: filled(beta) }),
    context.layer({ type: 'relu', max: 1 }),
  ]);
};

const prelu: Operator = (context, x) => {
  const slope = context.observed.floats(context.node.input![1]);
  if (!slope) throw context.refuse('slopes that the file stores', 'computed ones');
  return extended(x, context.output, [
    context.layer({ type: 'prelu', name: '' }, { slope: perChannel(context, x, slope) }),
  ]);
};

const batchNorm: Operator = (context, x) => {
  const { observed, node } = context;
  const stored = node.input!.slice(1, 5).map((name) => observed.floats(name));
  if (stored.some((array) => !array)) throw context.refuse('statistics that the file stores', 'computed ones');
  const [gamma, beta, mean, variance] = stored.map((array) => perChannel(context, x, array!));
  const epsilon = context.float('epsilon', 1e-5);
  const isDefault = epsilon === Math.fround(1e-5);
  return extended(x, context.output, [
    context.layer(
      { type: 'batch-norm', name: '', ...(isDefault ? {} : { epsilon: shortest(epsilon) }) },
      { gamma, beta, mean, variance },
    ),
  ]);
};

/** The sum of two chains is a residual layer; the sum with a constant is a bias. */
const add: Operator = (context, x) => {
  const constant = constantOf(context);
  if (constant) return shifted(context, x, perChannel(context, x, constant));
  const [a, b] = [context.place(0)!, context.place(1)!];
  const { observed, node, output } = context;
  const [left, right] = node.input!.map((name) => observed.dims(name).join(', '));
  if (left !== right || a.channelsFirst !== b.channelsFirst || `${a.flattened}` !== `${b.flattened}`) {
    throw context.refuse('the sum of two values of the same shape', `shapes [${left}] and [${right}]`);
  }
  const start = meeting(a, b);
  const chains = [between(start, a), between(start, b)].sort((one, other) => weights(other) - weights(one));
  const [body, shortcut] = chains;
  const residual: GraphLayer = {
    ...context.layer({
      type: 'residual',
      body: body.map(({ layer }) => layer),
      shortcut: shortcut.map(({ layer }) => layer),
    }),
    body,
    shortcut,
  };
  return extended(start, output, [residual], { channelsFirst: a.channelsFirst, flattened: a.flattened });
};

const weights = (chain: readonly GraphLayer[]): number =>
  chain.reduce(
    (sum, { parameters, body = [], shortcut = [] }) => sum + (parameters ? 2 : 1) + weights(body) + weights(shortcut),
    0,
  );

const subtract: Operator = (context, x) => {
  const constant = constantOf(context);
  if (!constant) throw context.refuse('the difference of a value and a constant', 'that of two values');
  const shift = perChannel(context, x, constant);
  if (context.place(0))
    return shifted(
      context,
      x,
      mapped(shift, (value) => -value),
    );
  const minus = mapped(shift, () => -1);
  return extended(x, context.output, [
    context.layer({ type: 'scale', name: '' }, { scale: minus }),
    context.layer({ type: 'shift', name: '' }, { shift }),
  ]);
};

const divide: Operator = (context, x) => {
  const constant = constantOf(context);
  if (!constant || !context.place(0)) throw context.refuse('a value divided by a constant', 'another quotient');
  return scaled(
    context,
    x,
    mapped(perChannel(context, x, constant), (value) => 1 / value),
  );
};

/** A product with a constant, or with a gate of the same value: SiLU and hard swish. */
const multiply: Operator = (context, x) => {
  const constant = constantOf(context);
  if (constant) return scaled(context, x, perChannel(context, x, constant));
  const [a, b] = [context.place(0)!, context.place(1)!];
  const [value, gate] = a.depth < b.depth ? [a, b] : [b, a];
  const gates = meeting(a, b) === value ? between(value, gate) : [];
  const kinds = gates.map(({ layer }) => (layer.type === 'relu' ? `relu ${layer.max}` : layer.type)).join(', ');
  const product = (layers: readonly GraphLayer[]) => extended(value, context.output, layers);
  if (kinds === 'sigmoid') return product([context.layer({ type: 'silu' })]);
  if (kinds === 'hard-sigmoid') return product([context.layer({ type: 'hard-swish' })]);
  if (/^shift, relu 6(, scale)?$/.test(kinds) && isFilled(gates[0].parameters!['shift'], 3)) {
    // x * min(max(x + 3, 0), 6), perhaps divided by 6 on the way.
    const sixfold = mapped(gates[0].parameters!['shift'], () => 6);
    const scale = context.layer({ type: 'scale', name: '' }, { scale: sixfold });
    return product(merged([context.layer({ type: 'hard-swish' }), scale, ...gates.slice(2)]));
  }
  throw context.refuse('the product of a value and a constant, or of x and its sigmoid or hard sigmoid', 'another one');
};

/** Swish(x) = x * sigmoid(alpha * x). */
const swish: Operator = (context, x) => {
  const alpha = context.float('alpha', 1);
  if (alpha !== 1) throw context.refuse('alpha 1', `${alpha}`);
  return smooth('silu')(context, x);
};

const isFilled = ({ values }: NamedArray, value: number): boolean => values.every((found) => found === value);

const mapped = ({ shape, values }: NamedArray, change: (value: number) => number): NamedArray => ({
  shape,
  values: values.map(change),
});

/** A bias: of the layer before, if only this node reads it. */
function shifted(context: Context, x: Place, shift: NamedArray): Place {
  const last = x.layers.at(-1);
  const isAlone = last?.output === x.tensor && context.observed.readers(x.tensor) === 1;
  if (isAlone && last.layer.type === 'dense') {
    const bias = added(last.parameters!['bias'], shift);
    return replacingLast(x, context.output, {
      ...last,
      output: context.output,
      parameters: { ...last.parameters, bias },
    });
  }
  if (isAlone && 'bias' in last.layer && last.layer.bias === false) {
    const { bias: _, ...layer } = last.layer;
    return replacingLast(x, context.output, {
      ...last,
      layer,
      output: context.output,
      parameters: { ...last.parameters, bias: shift },
    });
  }
  return extended(x, context.output, [context.layer({ type: 'shift', name: '' }, { shift })]);
}

function scaled(context: Context, x: Place, scale: NamedArray): Place {
  const last = x.layers.at(-1);
  const layer = context.layer({ type: 'scale', name: '' }, { scale });
  if (last?.layer.type !== 'scale' || context.observed.readers(x.tensor) !== 1) {
    return extended(x, context.output, [layer]);
  }
  const layers = merged([...x.layers, layer]);
  return { ...x, tensor: context.output, layers };
}

/** Neighbouring scales as one; none if they cancel each other. */
function merged(layers: readonly GraphLayer[]): GraphLayer[] {
  const result: GraphLayer[] = [];
  for (const next of layers) {
    const last = result.at(-1);
    if (next.layer.type !== 'scale' || last?.layer.type !== 'scale') {
      result.push(next);
      continue;
    }
    const [a, b] = [last.parameters!['scale'], next.parameters!['scale']];
    const scale = { shape: a.shape, values: a.values.map((value, i) => value * b.values[i]) };
    result.pop();
    if (scale.values.some((value) => Math.abs(value - 1) > 1e-6)) result.push({ ...next, parameters: { scale } });
  }
  return result;
}

const added = (a: NamedArray, b: NamedArray): NamedArray => ({
  shape: a.shape,
  values: a.values.map((value, i) => value + b.values[i]),
});

/** The constant among a node's two inputs. */
function constantOf({ node, observed }: Context): NamedArray | undefined {
  return observed.floats(node.input![1]) ?? observed.floats(node.input![0]);
}

/** A constant as one value per channel or feature, in our order. */
function perChannel(context: Context, x: Place, { shape, values }: NamedArray): NamedArray {
  const channels = channelsOf(x.shape);
  if (values.length === 1) return { shape: [channels], values: new Float32Array(channels).fill(values[0]) };
  const rank = context.observed.dims(context.output).length;
  // Batch normalisation's parameters are per channel; other constants are broadcast from the last axis.
  const isOwn = context.node.opType === 'BatchNormalization';
  const aligned = isOwn ? shape : [...Array<number>(rank - shape.length).fill(1), ...shape];
  const axis = rank === 4 && x.channelsFirst ? 1 : rank - 1;
  const fits = values.length === channels && (isOwn || aligned[axis] === channels);
  if (!fits) {
    throw context.refuse(
      `one number, or one for each of ${channels} channels`,
      `a constant of shape [${shape.join(', ')}]`,
    );
  }
  if (!x.flattened) return { shape: [channels], values: Float32Array.from(values) };
  const [height, width, depth] = x.flattened;
  const turned = values.map((_, i) => values[(i % depth) * height * width + Math.floor(i / depth)]);
  return { shape: [channels], values: turned };
}

export const elementwise: Readonly<Record<string, Operator>> = {
  Add: add,
  BatchNormalization: batchNorm,
  Clip: clip,
  Div: divide,
  HardSigmoid: hardSigmoid,
  HardSwish: smooth('hard-swish'),
  LeakyRelu: leakyRelu,
  Max: maximum,
  Min: minimum,
  Mul: multiply,
  PRelu: prelu,
  Relu: relu,
  Sigmoid: smooth('sigmoid'),
  Sub: subtract,
  Swish: swish,
  Tanh: smooth('tanh'),
};
