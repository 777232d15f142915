/** Named float32 tensors outside any library: what state, checkpoints and weights are passed around as. */
export type NamedArrays = Record<string, NamedArray>;

export interface NamedArray {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}
