// Counts differing bits with 64-bit popcounts. Prepared weights: one row per filter, padded with 0 to whole words.
#ifndef LCDNN_BINARY_TILE_SCALAR_H
#define LCDNN_BINARY_TILE_SCALAR_H

#include <stdint.h>

namespace lcdnn {

struct BinaryTileScalar {
  static constexpr int32_t kMaxFilters = 64;

  static int32_t padded(int32_t row_bytes) { return (row_bytes + 7) & ~7; }

  static int32_t filters_at(int32_t rows, int32_t first) { return rows - first < kMaxFilters ? rows - first : kMaxFilters; }

  static int32_t prepared_bytes(int32_t rows, int32_t row_bytes) { return rows * padded(row_bytes); }

  // Where a byte of a filter's row is prepared; the filter is `lane` in the tile that begins with filter `first`.
  static int32_t place(int32_t, int32_t row_bytes, int32_t first, int32_t lane, int32_t byte) {
    return (first + lane) * padded(row_bytes) + byte;
  }

  // differing[f] += the bits in which bytes [from, from + count) of filter first + f differ from the patch, which is
  // padded with 0 to whole words; `from` is a multiple of 8.
  static void count_differing(const uint8_t* patch, const uint8_t* prepared, int32_t rows, int32_t row_bytes,
                              int32_t first, int32_t from, int32_t count, int32_t* differing) {
    typedef uint64_t Word __attribute__((may_alias));
    const Word* x = reinterpret_cast<const Word*>(patch);
    const int32_t words = padded(count) / 8;
    for (int32_t f = 0; f < filters_at(rows, first); ++f) {
      const Word* w = reinterpret_cast<const Word*>(prepared + place(rows, row_bytes, first, f, from));
      int32_t bits = 0;
      for (int32_t i = 0; i < words; ++i) bits += __builtin_popcountll(x[i] ^ w[i]);
      differing[f] += bits;
    }
  }
};

}  // namespace lcdnn
#endif
