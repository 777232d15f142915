/** Options of `load` that select each build of the kernels. */
export const BUILD_OPTIONS = [
  { simd: true, relaxedSimd: true },
  { simd: true, relaxedSimd: false },
  { simd: false },
] as const;
