// Levels and weights as 16-bit numbers: products of both fit, and one instruction adds two of them in 32 bits.
//
// `i32x4.relaxed_dot_i8x16_i7x16_add_s` isn't used. Without AVX-VNNI, V8 computes it with five instructions on x86, which is
// slower than this; and V8 11.3 (Node 20) loses its third operand.
#ifndef LCDNN_DOT_LEVELS_H
#define LCDNN_DOT_LEVELS_H

#include "lanes.h"

namespace lcdnn {

typedef int16_t Shorts16 __attribute__((vector_size(16)));
typedef int32_t Integers __attribute__((vector_size(16)));

// Eight levels.
inline Shorts16 load_levels(const uint8_t* from) {
#ifdef __wasm_simd128__
  return (Shorts16)wasm_u16x8_load8x8(from);
#else
  return Shorts16{from[0], from[1], from[2], from[3], from[4], from[5], from[6], from[7]};
#endif
}

inline Shorts16 load_shorts(const int16_t* from) {
  typedef int16_t Unaligned __attribute__((vector_size(16), aligned(2), may_alias));
  return *reinterpret_cast<const Unaligned*>(from);
}

inline void store_shorts(int16_t* to, Shorts16 value) {
  typedef int16_t Unaligned __attribute__((vector_size(16), aligned(2), may_alias));
  *reinterpret_cast<Unaligned*>(to) = value;
}

// Two numbers, four times.
inline Shorts16 load_pair(const int16_t* from) {
#ifdef __wasm_simd128__
  return (Shorts16)wasm_v128_load32_splat(from);
#else
  return Shorts16{from[0], from[1], from[0], from[1], from[0], from[1], from[0], from[1]};
#endif
}

// Sum i is w[2 * i] * x[2 * i] + w[2 * i + 1] * x[2 * i + 1].
inline Integers dot(Shorts16 w, Shorts16 x) {
#ifdef __wasm_simd128__
  return (Integers)wasm_i32x4_dot_i16x8((v128_t)w, (v128_t)x);
#else
  return Integers{w[0] * x[0] + w[1] * x[1], w[2] * x[2] + w[3] * x[3], w[4] * x[4] + w[5] * x[5],
                  w[6] * x[6] + w[7] * x[7]};
#endif
}

inline Integers low_integers(Shorts16 a) {
#ifdef __wasm_simd128__
  return (Integers)wasm_i32x4_extend_low_i16x8((v128_t)a);
#else
  return Integers{a[0], a[1], a[2], a[3]};
#endif
}

inline Integers high_integers(Shorts16 a) {
#ifdef __wasm_simd128__
  return (Integers)wasm_i32x4_extend_high_i16x8((v128_t)a);
#else
  return Integers{a[4], a[5], a[6], a[7]};
#endif
}

}  // namespace lcdnn
#endif
