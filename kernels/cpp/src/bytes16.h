// Sixteen bytes side by side, for counting. As in lanes.h, natively the same with GCC's vectors.
#ifndef LCDNN_BYTES16_H
#define LCDNN_BYTES16_H

#include "lanes.h"

namespace lcdnn {

typedef uint8_t Bytes __attribute__((vector_size(16)));
typedef uint16_t Shorts __attribute__((vector_size(16)));

inline Bytes popcount(Bytes a) {
#ifdef __wasm_simd128__
  return (Bytes)wasm_i8x16_popcnt((v128_t)a);
#else
  for (int lane = 0; lane < 16; ++lane) a[lane] = static_cast<uint8_t>(__builtin_popcount(a[lane]));
  return a;
#endif
}

// table[index[lane]] in every lane. An index must be less than 16: scripts/build-kernels.ts makes the relaxed SIMD build
// from the SIMD build, and there every `swizzle` is a `relaxed_swizzle`, which is exact only for such indices.
inline Bytes look_up(Bytes table, Bytes index) {
#ifdef __wasm_simd128__
  return (Bytes)wasm_i8x16_swizzle((v128_t)table, (v128_t)index);
#else
  for (int lane = 0; lane < 16; ++lane) index[lane] = table[index[lane]];
  return index;
#endif
}

inline Bytes low_nibbles(Bytes a) { return a & 15; }
inline Bytes high_nibbles(Bytes a) { return (Bytes)((Shorts)a >> 4) & 15; }

// Eight bytes, then zeros.
inline Bytes load_eight(const uint8_t* from) {
  typedef uint64_t Eight __attribute__((aligned(1), may_alias));
  typedef uint64_t Halves __attribute__((vector_size(16)));
  return (Bytes)Halves{*reinterpret_cast<const Eight*>(from), 0};
}

inline void store(uint8_t* to, Bytes a) {
  typedef uint8_t Unaligned __attribute__((vector_size(16), aligned(1), may_alias));
  *reinterpret_cast<Unaligned*>(to) = a;
}

// The first eight bytes of both, alternating.
inline Bytes interleaved_low(Bytes a, Bytes b) {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

// The first and the last eight bytes, as 16-bit numbers.
inline Shorts widened_low(Bytes a) {
#ifdef __wasm_simd128__
  return (Shorts)wasm_u16x8_extend_low_u8x16((v128_t)a);
#else
  Shorts low;
  for (int lane = 0; lane < 8; ++lane) low[lane] = a[lane];
  return low;
#endif
}

inline Shorts widened_high(Bytes a) {
#ifdef __wasm_simd128__
  return (Shorts)wasm_u16x8_extend_high_u8x16((v128_t)a);
#else
  Shorts high;
  for (int lane = 0; lane < 8; ++lane) high[lane] = a[8 + lane];
  return high;
#endif
}

}  // namespace lcdnn
#endif
