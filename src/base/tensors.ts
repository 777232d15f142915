/** Named float32 tensors, independent of any library. State, checkpoints and weights have this form. */
export type NamedArrays = Record<string, NamedArray>;

export interface NamedArray {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}
