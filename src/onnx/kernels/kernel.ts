import type { Graph } from '../graph.js';
import type { Value } from '../value.js';

/** What a tfjs kernel does when it is traced: appends nodes to the graph and tells what the result is. */
export type TracedKernel = (graph: Graph, inputs: Readonly<Record<string, Value>>, attributes: Attributes) => Value;

/** tfjs's own attribute objects, unchecked: each kernel knows its fields. */
// biome-ignore lint/suspicious/noExplicitAny: tfjs types attributes per kernel, and the table mixes kernels.
export type Attributes = Readonly<Record<string, any>>;

/** Kernels by tfjs's kernel name. */
export type KernelTable = Readonly<Record<string, TracedKernel>>;
