import onnxProto from 'onnx-proto';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { createGraph, type Graph } from './graph.js';

const { onnx } = onnxProto;

/** Runs the graph's output `y` on `x`. */
async function run(graph: Graph, x: number[]): Promise<number[]> {
  const session = await ort.InferenceSession.create(graph.encode('test'), { intraOpNumThreads: 1 });
  const { y } = await session.run({ x: new ort.Tensor('float32', x, [1, x.length]) });
  await session.release();
  return Array.from(y.data as Float32Array, Number);
}

describe('a graph under construction', () => {
  it('shares nodes that are equal, and none that differ in operator, inputs, their order or attributes', () => {
    const graph = createGraph();
    const [x, z] = ['x', 'z'].map((name) => graph.input(name, 'float32', [1, 2]));
    const names = [
      graph.node('Add', [x, z]),
      graph.node('Sub', [x, z]),
      graph.node('Sub', [z, x]),
      graph.node('Softmax', [x], { axis: 1 }),
      graph.node('Softmax', [x], { axis: 0 }),
    ];
    expect(new Set(names).size).toBe(5);
    expect(graph.node('Add', [x, z])).toBe(names[0]);
    expect(graph.node('Softmax', [x], { axis: 0 })).toBe(names[4]);
    expect(graph.nodeCount).toBe(5);
  });

  it('stores no constant that is not used', () => {
    const graph = createGraph();
    const x = graph.input('x', 'float32', [1, 2]);
    graph.floats(Float32Array.of(7), []);
    const used = graph.floats(Float32Array.of(1), []);
    graph.output('y', graph.node('Add', [x, used]), 'float32', [1, 2]);
    const { initializer } = onnx.ModelProto.decode(graph.encode('test')).graph!;
    expect(initializer!.map(({ name }) => name)).toEqual([used]);
  });

  it('shares short constants of the same type, shape and bits', () => {
    const graph = createGraph();
    const one = graph.floats(Float32Array.of(1), []);
    expect(graph.floats(Float32Array.of(1), [])).toBe(one);
    expect(graph.floats(Float32Array.of(1), [1])).not.toBe(one);
    expect(graph.floats(Float32Array.of(-0), [])).not.toBe(graph.floats(Float32Array.of(0), []));
    // The same eight bytes, as two floats and as one whole number.
    expect(graph.floats(Float32Array.of(2 ** -149, 0), [2])).not.toBe(graph.integers([1]));
    const long = new Float32Array(100_000);
    expect(graph.floats(long, [100_000])).not.toBe(graph.floats(long, [100_000]));
  });

  it('keeps the values that a constant had, whatever becomes of the array', async () => {
    const graph = createGraph();
    const values = Float32Array.of(9, 1, 2).subarray(1);
    const name = graph.floats(values, [1, 2]);
    values.fill(100);
    graph.output('y', graph.node('Add', [graph.input('x', 'float32', ['batch', 2]), name]), 'float32', ['batch', 2]);
    expect(await run(graph, [10, 20])).toEqual([11, 22]);
  });

  it('writes whole, real, text and list attributes', async () => {
    const graph = createGraph();
    const x = graph.input('x', 'float32', [1, 4]);
    const leaky = graph.node('LeakyRelu', [x], { alpha: { float: 0.5 } });
    const image = graph.node('Reshape', [leaky, graph.integers([1, 1, 2, 2])]);
    const pooled = graph.node('MaxPool', [image], { kernel_shape: [2, 1], auto_pad: 'VALID' });
    const flat = graph.node('Flatten', [pooled], { axis: 1 });
    graph.output('y', flat, 'float32', [1, 2]);
    expect(await run(graph, [-2, -4, -6, 8])).toEqual([-1, 8]);
  });

  it('names further outputs of a node once, and knows what no node makes', async () => {
    const graph = createGraph();
    const x = graph.input('x', 'float32', [1, 3]);
    const k = graph.integers([1]);
    const values = graph.node('TopK', [x, k], { axis: 1 });
    const places = graph.furtherOutput(values, 1);
    expect(graph.furtherOutput(values, 1)).toBe(places);
    graph.output('y', graph.node('Cast', [places], { to: 1 }), 'float32', [1, 1]);
    expect(await run(graph, [3, 9, 5])).toEqual([1]);
    expect(() => graph.furtherOutput('x', 1)).toThrow('no node makes x');
  });
});
