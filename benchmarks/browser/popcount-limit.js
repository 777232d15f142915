// The most this processor can do with XOR, bit count and add: a WebAssembly loop that only uses registers.

const CHAINS = 8;
const ITERATIONS = 200_000;
const V128 = 0x7b;
const I32 = 0x7f;

const leb = (value) => (value < 128 ? [value] : [(value & 127) | 128, ...leb(value >> 7)]);
const section = (id, bytes) => [id, ...leb(bytes.length), ...bytes];

/** (iterations) => v128 lane 0: in every iteration, chain = popcount(chain ^ chain of the neighbour) + chain, for all chains. */
function moduleBytes() {
  const get = (local) => [0x20, local];
  const chain = (i) => 1 + (i % CHAINS);
  const turn = Array.from({ length: CHAINS }, (_, i) => [
    ...[...get(chain(i)), ...get(chain(i + 1)), 0xfd, 0x51], // v128.xor
    ...[0xfd, 0x62, ...get(chain(i)), 0xfd, 0x6e], // i8x16.popcnt, i8x16.add
    ...[0x21, chain(i)],
  ]).flat();
  // loop: turn; --iterations; br_if
  const loop = [0x03, 0x40, ...turn, ...get(0), 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b];
  const sum = Array.from({ length: CHAINS }, (_, i) => [...get(chain(i)), ...(i > 0 ? [0xfd, 0x6e] : [])]).flat();
  const body = [1, CHAINS, V128, ...loop, ...sum, 0xfd, 0x1b, 0, 0x0b]; // i32x4.extract_lane 0
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, I32, 1, I32]),
    ...section(3, [1, 0]),
    ...section(7, [1, 1, 0x66, 0, 0]),
    ...section(10, [1, ...leb(body.length), ...body]),
  ]);
}

/** A run and its number of binary multiplications. */
export async function popcountLoop() {
  const { instance } = await WebAssembly.instantiate(moduleBytes());
  return { run: () => instance.exports.f(ITERATIONS), operations: 128 * CHAINS * ITERATIONS };
}
