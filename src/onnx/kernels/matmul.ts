import { plain } from '../value.js';
import type { KernelTable, TracedKernel } from './kernel.js';

/** tfjs's matMul of two matrices, either transposed, as one Gemm. */
const batchMatMul: TracedKernel = (graph, { a, b }, { transposeA, transposeB }) => {
  if (a.shape.length !== 2 || b.shape.length !== 2) {
    throw new Error(`can only trace products of matrices, not of shapes [${a.shape}] and [${b.shape}]`);
  }
  return {
    shape: [a.shape[transposeA ? 1 : 0], b.shape[transposeB ? 0 : 1]],
    dtype: 'float32',
    plain: graph.node('Gemm', [plain(graph, a), plain(graph, b)], {
      transA: Number(Boolean(transposeA)),
      transB: Number(Boolean(transposeB)),
    }),
  };
};

export const matmulKernels: KernelTable = { BatchMatMul: batchMatMul };
