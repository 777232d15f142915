// What follows sums of levels: sum * scale[f] + shift[f] as a float, or rounded to a level.
#ifndef LCDNN_LEVEL_EPILOGUE_H
#define LCDNN_LEVEL_EPILOGUE_H

#include "dot_levels.h"
#include "lanes.h"

namespace lcdnn {

// The nearest level from 0 to 127, ties to even: adding 2^23 leaves no digits for fractions, and the level in the last bits.
template <class L>
inline L with_level_in_last_bits(L value) {
  return lesser_of(L::splat(127), greater_of(L::splat(0), value)) + L::splat(8388608.0f);
}

inline void store_level(F32x1 value, uint8_t* to) {
  *to = static_cast<uint8_t>(static_cast<int32_t>(with_level_in_last_bits(value).v) & 127);
}

#ifdef LCDNN_SIMD128
typedef uint8_t LevelBytes __attribute__((vector_size(16)));

// Eight levels.
inline void store_levels(F32x4 first, F32x4 second, uint8_t* to) {
  const Integers bits = (Integers)with_level_in_last_bits(first).v - 0x4b000000;
  const Integers others = (Integers)with_level_in_last_bits(second).v - 0x4b000000;
#ifdef __wasm_simd128__
  const v128_t shorts = wasm_i16x8_narrow_i32x4((v128_t)bits, (v128_t)others);
  wasm_v128_store64_lane(to, wasm_u8x16_narrow_i16x8(shorts, shorts), 0);
#else
  for (int i = 0; i < 4; ++i) {
    to[i] = static_cast<uint8_t>(bits[i]);
    to[4 + i] = static_cast<uint8_t>(others[i]);
  }
#endif
}

inline void store_level(F32x4 value, uint8_t* to) {
  typedef uint32_t Four __attribute__((aligned(1), may_alias));
  const LevelBytes bits = (LevelBytes)with_level_in_last_bits(value).v;
  const LevelBytes levels = __builtin_shufflevector(bits, bits, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);
  *reinterpret_cast<Four*>(to) = static_cast<uint32_t>(((Integers)levels)[0]);
}
#endif

struct LevelEpilogue {
  const float* scale;
  const float* shift;
  void* y;
  bool floats;

  // Stores the outputs of `count` <= 8 filters, from `filter` on. `at` is the index of the first in y.
  void operator()(Integers first, Integers second, int32_t filter, int32_t at, int32_t count) const {
#ifdef LCDNN_SIMD128
    if (count >= 8 && !floats) {
      const F32x4 low = {__builtin_convertvector(first, F32x4::Vector)};
      const F32x4 high = {__builtin_convertvector(second, F32x4::Vector)};
      store_levels(low * F32x4::load(scale + filter) + F32x4::load(shift + filter),
                   high * F32x4::load(scale + filter + 4) + F32x4::load(shift + filter + 4),
                   static_cast<uint8_t*>(y) + at);
      return;
    }
#endif
    alignas(16) int32_t totals[8];
    *reinterpret_cast<Integers*>(totals) = first;
    *reinterpret_cast<Integers*>(totals + 4) = second;
    for_lanes(count < 8 ? count : 8, [=, this, &totals](auto lanes, int32_t i) {
      using L = decltype(lanes);
      const L value = L::of(totals + i) * L::load(scale + filter + i) + L::load(shift + filter + i);
      if (floats) {
        value.store(static_cast<float*>(y) + at + i);
      } else {
        store_level(value, static_cast<uint8_t*>(y) + at + i);
      }
    });
  }
};

}  // namespace lcdnn
#endif
