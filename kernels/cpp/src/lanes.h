// Floats side by side. A kernel is written once over a lane type: F32x4 is a vector of SIMD128, F32x1 a single float for
// what is left over, and for builds without SIMD. F32x4 uses the vector extension that Clang and GCC share, so that the
// SIMD kernels also run natively, under the address sanitizer.
#ifndef LCDNN_LANES_H
#define LCDNN_LANES_H

#include <stdint.h>

#ifdef __wasm_simd128__
#define LCDNN_SIMD128 1
#include <wasm_simd128.h>
#endif

namespace lcdnn {

struct F32x1 {
  static constexpr int32_t kCount = 1;
  float v;

  static F32x1 load(const float* from) { return {*from}; }
  static F32x1 splat(float value) { return {value}; }
  // bits - 2 * differing: a sum of `bits` products of signs, of which `differing` are -1.
  template <class Integer>
  static F32x1 sum_of_signs(int32_t bits, const Integer* differing) {
    return {static_cast<float>(bits - 2 * *differing)};
  }
  template <class Integer>
  static F32x1 of(const Integer* whole) {
    return {static_cast<float>(*whole)};
  }
  void store(float* to) const { *to = v; }
  float sum() const { return v; }
};

inline F32x1 operator+(F32x1 a, F32x1 b) { return {a.v + b.v}; }
inline F32x1 operator*(F32x1 a, F32x1 b) { return {a.v * b.v}; }
// b if it is greater, else a: a NaN in b is ignored.
inline F32x1 greater_of(F32x1 a, F32x1 b) { return {a.v < b.v ? b.v : a.v}; }
// b if it is less, else a.
inline F32x1 lesser_of(F32x1 a, F32x1 b) { return {b.v < a.v ? b.v : a.v}; }
inline F32x1 abs(F32x1 a) { return {__builtin_fabsf(a.v)}; }
// a if u >= 0, else b.
inline F32x1 where_not_negative(F32x1 u, F32x1 a, F32x1 b) { return u.v >= 0 ? a : b; }

#ifdef LCDNN_SIMD128

struct F32x4 {
  typedef float Vector __attribute__((vector_size(16)));
  typedef float Unaligned __attribute__((vector_size(16), aligned(4), may_alias));
  typedef int32_t Integers __attribute__((vector_size(16)));
  typedef int32_t UnalignedIntegers __attribute__((vector_size(16), aligned(4), may_alias));
  static constexpr int32_t kCount = 4;
  Vector v;

  static F32x4 load(const float* from) { return {*reinterpret_cast<const Unaligned*>(from)}; }
  static F32x4 splat(float value) { return {Vector{value, value, value, value}}; }
  template <class Integer>
  static F32x4 sum_of_signs(int32_t bits, const Integer* differing) {
    return {__builtin_convertvector(bits - 2 * whole(differing), Vector)};
  }
  template <class Integer>
  static F32x4 of(const Integer* from) {
    return {__builtin_convertvector(whole(from), Vector)};
  }
  void store(float* to) const { *reinterpret_cast<Unaligned*>(to) = v; }
  float sum() const { return (v[0] + v[1]) + (v[2] + v[3]); }

 private:
  static Integers whole(const int32_t* from) { return *reinterpret_cast<const UnalignedIntegers*>(from); }
  static Integers whole(const uint16_t* from) {
#ifdef __wasm_simd128__
    return (Integers)wasm_u32x4_load16x4(from);
#else
    return Integers{from[0], from[1], from[2], from[3]};
#endif
  }
  static Integers whole(const uint8_t* from) {
#ifdef __wasm_simd128__
    return (Integers)wasm_u32x4_extend_low_u16x8(wasm_u16x8_extend_low_u8x16(wasm_v128_load32_zero(from)));
#else
    return Integers{from[0], from[1], from[2], from[3]};
#endif
  }
};

inline F32x4 operator+(F32x4 a, F32x4 b) { return {a.v + b.v}; }
inline F32x4 operator*(F32x4 a, F32x4 b) { return {a.v * b.v}; }
inline F32x4 greater_of(F32x4 a, F32x4 b) { return {a.v < b.v ? b.v : a.v}; }
inline F32x4 lesser_of(F32x4 a, F32x4 b) { return {b.v < a.v ? b.v : a.v}; }
inline F32x4 abs(F32x4 a) { return {(F32x4::Vector)((F32x4::Integers)a.v & 0x7fffffff)}; }
inline F32x4 where_not_negative(F32x4 u, F32x4 a, F32x4 b) { return {u.v >= 0 ? a.v : b.v}; }

// Bit i is set if lane i >= 0.
inline uint32_t not_negative_bits(F32x4 a) {
#ifdef __wasm_simd128__
  return wasm_i32x4_bitmask((v128_t)(a.v >= 0));
#else
  uint32_t bits = 0;
  for (int lane = 0; lane < 4; ++lane) bits |= static_cast<uint32_t>(a.v[lane] >= 0) << lane;
  return bits;
#endif
}

// The same for sixteen lanes, a's first.
inline uint32_t not_negative_bits(F32x4 a, F32x4 b, F32x4 c, F32x4 d) {
#ifdef __wasm_simd128__
  const v128_t low = wasm_i16x8_narrow_i32x4((v128_t)(a.v >= 0), (v128_t)(b.v >= 0));
  const v128_t high = wasm_i16x8_narrow_i32x4((v128_t)(c.v >= 0), (v128_t)(d.v >= 0));
  return wasm_i8x16_bitmask(wasm_i8x16_narrow_i16x8(low, high));
#else
  return not_negative_bits(a) | not_negative_bits(b) << 4 | not_negative_bits(c) << 8 | not_negative_bits(d) << 12;
#endif
}

using Lanes = F32x4;

#else

using Lanes = F32x1;

#endif

// Calls body(lane type, i) for i = 0, kCount, ... while a whole vector fits, then for every remaining value.
template <class Body>
inline void for_lanes(int32_t count, Body body) {
  int32_t i = 0;
  for (; i + Lanes::kCount <= count; i += Lanes::kCount) body(Lanes{}, i);
  if (Lanes::kCount > 1) {
    for (; i < count; ++i) body(F32x1{}, i);
  }
}

// Calls body(0), ..., body(N - 1) without a loop, so that arrays of accumulators become registers.
template <int N, class Body>
__attribute__((always_inline)) inline void unrolled(const Body& body) {
  if constexpr (N > 0) {
    unrolled<N - 1>(body);
    body(N - 1);
  }
}

}  // namespace lcdnn
#endif
