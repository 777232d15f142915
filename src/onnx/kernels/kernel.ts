import type { Graph } from '../graph.js';
import type { Value } from '../value.js';

/** The traced version of a tfjs kernel: appends nodes to the graph and returns the result. */
export type TracedKernel = (graph: Graph, inputs: Readonly<Record<string, Value>>, attributes: Attributes) => Value;

/** tfjs's own attribute objects, unchecked: each kernel knows its fields. */
// biome-ignore lint/suspicious/noExplicitAny: tfjs types attributes per kernel, and the table mixes kernels.
export type Attributes = Readonly<Record<string, any>>;

/** Kernels by tfjs's kernel name. */
export type KernelTable = Readonly<Record<string, TracedKernel>>;
