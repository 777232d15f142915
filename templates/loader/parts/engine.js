// What the WebAssembly engine supports: a module with an instruction that it doesn't know isn't valid.

const ZEROS = [65, 0, 253, 15]; // i32.const 0, i8x16.splat

/** i8x16.popcnt */
export const hasSimd = () => supports(...ZEROS, 253, 98);

/** i8x16.relaxed_swizzle */
export const hasRelaxedSimd = () => supports(...ZEROS, ...ZEROS, 253, 128, 2);

/** @param body of a function () => v128 */
function supports(...body) {
  const head = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0];
  const size = body.length + 2;
  return WebAssembly.validate(Uint8Array.of(...head, 10, size + 2, 1, size, 0, ...body, 11));
}
