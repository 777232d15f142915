// Counts differing bits with 64-bit popcounts. Prepared weights: one row per filter, padded with 0 to whole words.
#ifndef LCDNN_BINARY_TILE_SCALAR_H
#define LCDNN_BINARY_TILE_SCALAR_H

#include <stdint.h>

namespace lcdnn {

struct BinaryTileScalar {
  static constexpr int32_t kPixels = 1;
  static constexpr int32_t kMaxFilters = 64;

  static int32_t padded(int32_t row_bytes) { return (row_bytes + 7) & ~7; }

  static int32_t filters_at(int32_t rows, int32_t first) { return rows - first < kMaxFilters ? rows - first : kMaxFilters; }

  static int32_t prepared_bytes(int32_t rows, int32_t row_bytes) { return rows * padded(row_bytes); }

  // Where a byte of a filter's row is prepared; the filter is `lane` in the tile that begins with filter `first`.
  static int32_t place(int32_t, int32_t row_bytes, int32_t first, int32_t lane, int32_t byte) {
    return (first + lane) * padded(row_bytes) + byte;
  }

  // differing[p][f] += the bits in which bytes [from, from + count) of filter first + f differ from patch p, which is
  // padded with 0 to whole words; `from` is a multiple of 8.
  template <int Pixels, int32_t PatchStep>
  static void count_differing(const uint8_t (&patches)[Pixels][PatchStep], const uint8_t* prepared, int32_t rows,
                              int32_t row_bytes, int32_t first, int32_t from, int32_t count,
                              int32_t (&differing)[Pixels][kMaxFilters]) {
    typedef uint64_t Word __attribute__((may_alias));
    const int32_t words = padded(count) / 8;
    for (int32_t f = 0; f < filters_at(rows, first); ++f) {
      const Word* w = reinterpret_cast<const Word*>(prepared + place(rows, row_bytes, first, f, from));
      for (int p = 0; p < Pixels; ++p) {
        const Word* x = reinterpret_cast<const Word*>(patches[p]);
        int32_t bits = 0;
        for (int32_t i = 0; i < words; ++i) bits += __builtin_popcountll(x[i] ^ w[i]);
        differing[p][f] += bits;
      }
    }
  }
};

}  // namespace lcdnn
#endif
