// Counts differing bits for 16 filters in the 16 bytes of a vector: splat a byte of the patch, xor, popcount, byte add.
// The counts of 16 filters come out side by side, without horizontal sums.
//
// Prepared weights: filters in groups of 16, groups in tiles; a tile holds, for one byte of the rows after the other,
// that byte of all its filters. Filters that fill the last group are 0.
#ifndef LCDNN_BINARY_TILE_SIMD128_H
#define LCDNN_BINARY_TILE_SIMD128_H

#include "bytes16.h"

namespace lcdnn {

struct BinaryTileSimd128 {
  static constexpr int32_t kVectors = 4;
  static constexpr int32_t kMaxFilters = 16 * kVectors;

  static int32_t groups(int32_t rows) { return (rows + 15) / 16; }

  // Filters of the tile that begins with filter `first`: kVectors groups while that many are left, then one.
  static int32_t filters_at(int32_t rows, int32_t first) {
    return groups(rows - first) >= kVectors ? kMaxFilters : 16;
  }

  static int32_t prepared_bytes(int32_t rows, int32_t row_bytes) { return groups(rows) * 16 * row_bytes; }

  // Where a byte of a filter's row is prepared; the filter is `lane` in the tile that begins with filter `first`.
  static int32_t place(int32_t rows, int32_t row_bytes, int32_t first, int32_t lane, int32_t byte) {
    return first * row_bytes + byte * filters_at(rows, first) + lane;
  }

  // differing[f] += the bits in which bytes [from, from + count) of filter first + f differ from the patch.
  static void count_differing(const uint8_t* patch, const uint8_t* prepared, int32_t rows, int32_t row_bytes,
                              int32_t first, int32_t from, int32_t count, int32_t* differing) {
    const uint8_t* w = prepared + place(rows, row_bytes, first, 0, from);
    if (filters_at(rows, first) == kMaxFilters) {
      count_vectors<kVectors>(patch, w, count, differing);
    } else {
      count_vectors<1>(patch, w, count, differing);
    }
  }

 private:
  // A byte takes the counts of 31 steps: 31 * 8 <= 255.
  template <int Vectors>
  static void count_vectors(const uint8_t* patch, const uint8_t* w, int32_t count, int32_t* differing) {
    for (int32_t i = 0; i < count;) {
      const int32_t end = count - i < 31 ? count : i + 31;
      Bytes counts[Vectors] = {};
      for (; i < end; ++i, w += 16 * Vectors) {
        const Bytes* weights = reinterpret_cast<const Bytes*>(w);
        const Bytes bits = Bytes{} + patch[i];
        unrolled<Vectors>([&](int v) { counts[v] += popcount(bits ^ weights[v]); });
      }
      unrolled<Vectors>([&](int v) { add_widened(differing + 16 * v, counts[v]); });
    }
  }

  // sums[i] += a[i]
  static void add_widened(int32_t* sums, Bytes a) {
#ifdef __wasm_simd128__
    typedef int32_t Sums __attribute__((vector_size(16), aligned(4), may_alias));
    const Shorts halves[2] = {widened_low(a), widened_high(a)};
    for (int half = 0; half < 2; ++half) {
      Sums* to = reinterpret_cast<Sums*>(sums + 8 * half);
      to[0] += (Sums)wasm_u32x4_extend_low_u16x8((v128_t)halves[half]);
      to[1] += (Sums)wasm_u32x4_extend_high_u16x8((v128_t)halves[half]);
    }
#else
    for (int lane = 0; lane < 16; ++lane) sums[lane] += a[lane];
#endif
  }
};

}  // namespace lcdnn
#endif
