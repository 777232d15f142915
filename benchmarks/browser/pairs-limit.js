// An upper limit for binary convolutions on this processor: the inner loop of kernels/cpp/src/binary_pairs_simd128.h in
// registers, as WebAssembly. The kernel does the same, and also loads weights and tables and finishes its sums.

const VECTORS = 4; // of 16 filters
const TABLES = 3;
const ITERATIONS = 100_000;
/** 16 filters x 4 channels x 2 pixels for each look-up. */
const OPERATIONS = 128 * TABLES * VECTORS;
const V128 = 0x7b;
const I32 = 0x7f;

const leb = (value) => (value < 128 ? [value] : [(value & 127) | 128, ...leb(value >> 7)]);
const section = (id, bytes) => [id, ...leb(bytes.length), ...bytes];
const simd = (opcode) => [0xfd, ...leb(opcode)];
const get = (local) => [0x20, local];
const set = (local) => [0x21, local];

const ADD = simd(0x6e); // i8x16.add
const AND = simd(0x4e); // v128.and
const SHIFT = [0x41, 4, ...simd(0x8d)]; // i32.const 4, i16x8.shr_u
const SWIZZLE = { relaxed: simd(0x100), plain: simd(0x0e) };

/** (iterations) => a lane of the counts. What the look-ups find doesn't matter, so that counts serve as indices. */
function moduleBytes(swizzle) {
  const low = (v) => 1 + (v % VECTORS);
  const high = (v) => 1 + VECTORS + (v % VECTORS);
  const table = (t) => 1 + 2 * VECTORS + t;
  const fifteen = table(TABLES);
  const sum = fifteen + 1;
  const lookUp = (t, index) => [...get(table(t)), ...get(index), ...swizzle];
  const turn = Array.from({ length: VECTORS }, (_, v) => [
    ...[...lookUp(0, low(v)), ...lookUp(1, high(v)), ...ADD, ...lookUp(2, low(v + 1)), ...ADD, ...set(sum)],
    ...[...get(low(v)), ...get(sum), ...get(fifteen), ...AND, ...ADD, ...set(low(v))],
    ...[...get(high(v)), ...get(sum), ...SHIFT, ...get(fifteen), ...AND, ...ADD, ...set(high(v))],
  ]).flat();
  const bytes = (value) => [0x41, ...leb(value), ...simd(0x0f)]; // i32.const, i8x16.splat
  const start = [
    ...Array.from({ length: TABLES }, (_, t) => [...bytes(1 + t), ...set(table(t))]).flat(),
    ...[...bytes(15), ...set(fifteen)],
  ];
  // loop: turn; --iterations; br_if
  const loop = [0x03, 0x40, ...turn, ...get(0), 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b];
  const counts = Array.from({ length: 2 * VECTORS }, (_, i) => [...get(1 + i), ...(i > 0 ? ADD : [])]).flat();
  const body = [1, sum, V128, ...start, ...loop, ...counts, ...simd(0x1b), 0, 0x0b]; // i32x4.extract_lane 0
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, I32, 1, I32]),
    ...section(3, [1, 0]),
    ...section(7, [1, 1, 0x66, 0, 0]),
    ...section(10, [1, ...leb(body.length), ...body]),
  ]);
}

/** A run, and its binary multiplications. */
export async function pairsLoop() {
  const relaxed = moduleBytes(SWIZZLE.relaxed);
  const bytes = WebAssembly.validate(relaxed) ? relaxed : moduleBytes(SWIZZLE.plain);
  const { instance } = await WebAssembly.instantiate(bytes);
  return { run: () => instance.exports.f(ITERATIONS), operations: OPERATIONS * ITERATIONS };
}
