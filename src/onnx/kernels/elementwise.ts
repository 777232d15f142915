import { broadcast_util } from '@tensorflow/tfjs-core';
import type { Graph } from '../graph.js';
import { ELEMENT_CODES, isNchw, nchw, plain, sameShape, scalar, type Value } from '../value.js';
import type { KernelTable, TracedKernel } from './kernel.js';

/** A unary operator keeps its input's layout. */
function unary(op: string, fold: (x: number) => number): TracedKernel {
  return (graph, { x }) => applyUnary(graph, x, fold, (name) => graph.node(op, [name]));
}

function applyUnary(
  graph: Graph,
  x: Value,
  fold: (x: number) => number,
  apply: (name: string) => string,
  dtype: Value['dtype'] = x.dtype,
): Value {
  if (x.uniform !== undefined) return { shape: x.shape, dtype, uniform: Math.fround(fold(x.uniform)) };
  return isNchw(x)
    ? { shape: x.shape, dtype, nchw: apply(nchw(graph, x)) }
    : { shape: x.shape, dtype, plain: apply(plain(graph, x)) };
}

/** A binary operator broadcasts as in tfjs. It runs in NCHW if an operand is available only in that layout. */
function binary(op: string, fold: (a: number, b: number) => number, resultType?: Value['dtype']): TracedKernel {
  return (graph, { a, b }) => {
    const shape = broadcast_util.assertAndGetBroadcastShape([...a.shape], [...b.shape]);
    const dtype = resultType ?? a.dtype;
    if (a.uniform !== undefined && b.uniform !== undefined) {
      return { shape, dtype, uniform: Math.fround(Number(fold(a.uniform, b.uniform))) };
    }
    const neutral = dtype === a.dtype ? neutralOperand(op, a, b, shape) : undefined;
    if (neutral) return neutral;
    const result = applyInOrder(graph, [a, b], shape, dtype, (names) => graph.node(op, names));
    const reached = (a.uniform !== undefined ? [] : [a.shape]).concat(b.uniform !== undefined ? [] : [b.shape]);
    return expandTo(graph, result, reached);
  };
}

/** x + 0, x - 0, x * 1 and x / 1 are x. */
function neutralOperand(op: string, a: Value, b: Value, shape: readonly number[]): Value | undefined {
  const neutral = op === 'Add' || op === 'Sub' ? 0 : op === 'Mul' || op === 'Div' ? 1 : undefined;
  if (neutral === undefined) return undefined;
  if (b.uniform === neutral && sameShape(a.shape, shape)) return a;
  if ((op === 'Add' || op === 'Mul') && a.uniform === neutral && sameShape(b.shape, shape)) return b;
  return undefined;
}

/** Applies an operator to operands in one layout, which ONNX broadcasts as tfjs would. Uniform operands become scalars. */
function applyInOrder(
  graph: Graph,
  operands: readonly Value[],
  shape: readonly number[],
  dtype: Value['dtype'],
  apply: (names: string[]) => string,
): Value {
  const named = operands.filter((operand) => operand.uniform === undefined);
  const inNchw =
    shape.length === 4 &&
    named.some(isNchw) &&
    named.every((operand) => operand.shape.length === 4 || operand.shape.length <= 1);
  const nameOf = (operand: Value): string => {
    if (operand.uniform !== undefined) return scalar(graph, operand.uniform, operand.dtype);
    if (!inNchw || operand.shape.length === 0) return plain(graph, operand);
    if (operand.shape.length === 4) return nchw(graph, operand);
    return graph.node('Reshape', [plain(graph, operand), graph.integers([operand.shape[0], 1, 1])]);
  };
  const name = apply(operands.map(nameOf));
  return inNchw ? { shape, dtype, nchw: name } : { shape, dtype, plain: name };
}

/** Expands a result to its shape, because uniform operands are passed as scalars and don't broadcast it. */
function expandTo(graph: Graph, result: Value, operandShapes: readonly (readonly number[])[]): Value {
  const reached = operandShapes.reduce<number[]>(
    (shape, next) => broadcast_util.assertAndGetBroadcastShape(shape, [...next]),
    [],
  );
  if (sameShape(reached, result.shape)) return result;
  const narrow: Value = { ...result, shape: reached };
  return {
    shape: result.shape,
    dtype: result.dtype,
    plain: graph.node('Expand', [plain(graph, narrow), graph.integers(result.shape)]),
  };
}

/** condition ? t : e, for tensors with the same shape. */
const select: TracedKernel = (graph, { condition, t, e }) =>
  condition.uniform !== undefined
    ? { ...(condition.uniform ? t : e) }
    : applyInOrder(graph, [condition, t, e], condition.shape, t.dtype, (names) => graph.node('Where', names));

const CONVERSIONS: Record<Value['dtype'], (x: number) => number> = {
  float32: (x) => x,
  int32: Math.trunc,
  bool: (x) => Number(x !== 0),
};

const cast: TracedKernel = (graph, { x }, { dtype }) =>
  x.dtype === dtype
    ? x
    : applyUnary(
        graph,
        x,
        CONVERSIONS[dtype as Value['dtype']],
        (name) => graph.node('Cast', [name], { to: ELEMENT_CODES[dtype as Value['dtype']] }),
        dtype,
      );

/** tfjs's `step`: 1 where x > 0, else alpha. */
const step: TracedKernel = (graph, { x }, { alpha }) =>
  applyUnary(
    graph,
    x,
    (value) => (value > 0 ? 1 : alpha),
    (name) => {
      const above = graph.node('Greater', [name, scalar(graph, 0, 'float32')]);
      if (alpha === 0) return graph.node('Cast', [above], { to: ELEMENT_CODES.float32 });
      return graph.node('Where', [above, scalar(graph, 1, 'float32'), scalar(graph, alpha, 'float32')]);
    },
  );

const prelu: TracedKernel = (graph, { x, alpha }) => {
  const whole = x.uniform === undefined ? x : { shape: x.shape, dtype: x.dtype, plain: plain(graph, x) };
  return applyInOrder(graph, [whole, alpha], x.shape, x.dtype, ([name, slope]) => {
    if (graph.target === 'cpu') return graph.node('PRelu', [name, slope]);
    // WebGPU has no PRelu. ONNX Runtime would replace it with Where, and transpose the condition on the CPU.
    const negative = graph.node('Mul', [graph.node('Min', [name, scalar(graph, 0, 'float32')]), slope]);
    return graph.node('Add', [graph.node('Relu', [name]), negative]);
  });
};

/** The nearest whole number, ties to even. */
function nearestEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
}

export const elementwiseKernels: KernelTable = {
  Abs: unary('Abs', Math.abs),
  Exp: unary('Exp', Math.exp),
  Log: unary('Log', Math.log),
  Neg: unary('Neg', (x) => -x),
  Relu: unary('Relu', (x) => Math.max(x, 0)),
  Reciprocal: unary('Reciprocal', (x) => 1 / x),
  Round: unary('Round', nearestEven),
  Sigmoid: unary('Sigmoid', (x) => 1 / (1 + Math.exp(-x))),
  Sqrt: unary('Sqrt', Math.sqrt),
  Rsqrt: (graph, { x }) =>
    applyUnary(
      graph,
      x,
      (value) => 1 / Math.sqrt(value),
      (name) => graph.node('Reciprocal', [graph.node('Sqrt', [name])]),
    ),
  Square: (graph, { x }) =>
    applyUnary(
      graph,
      x,
      (value) => value * value,
      (name) => graph.node('Mul', [name, name]),
    ),
  Step: step,
  Tanh: unary('Tanh', Math.tanh),
  Cast: cast,
  ClipByValue: (graph, { x }, { clipValueMin: min, clipValueMax: max }) =>
    applyUnary(
      graph,
      x,
      (value) => Math.min(Math.max(value, min), max),
      (name) => graph.node('Clip', [name, scalar(graph, min, 'float32'), scalar(graph, max, 'float32')]),
    ),
  Prelu: prelu,
  Add: binary('Add', (a, b) => a + b),
  Sub: binary('Sub', (a, b) => a - b),
  Multiply: binary('Mul', (a, b) => a * b),
  RealDiv: binary('Div', (a, b) => a / b),
  Maximum: binary('Max', Math.max),
  Minimum: binary('Min', Math.min),
  Pow: binary('Pow', (a, b) => a ** b),
  Greater: binary('Greater', (a, b) => Number(a > b), 'bool'),
  GreaterEqual: binary('GreaterOrEqual', (a, b) => Number(a >= b), 'bool'),
  Less: binary('Less', (a, b) => Number(a < b), 'bool'),
  LessEqual: binary('LessOrEqual', (a, b) => Number(a <= b), 'bool'),
  LogicalAnd: binary('And', (a, b) => Number(a && b), 'bool'),
  Select: select,
};
