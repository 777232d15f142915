// Binary convolution by looking counts up: for four channels of a pixel there are 16 tables of 16 bytes, popcount(x ^ w)
// by the four bits w of a weight; one `swizzle` reads them for 16 filters. Counts up to 4 need half a byte, so a table
// serves two pixels, the left one's count in its low nibble, and three of them are added before the nibbles part.
// On x86, where popcount takes eight instructions, this halves the work of xor, popcount, add; on ARM it costs as much.
//
// Groups of four channels stand for bytes here. Prepared weights: filters in vectors of 16, vectors in tiles; a tile
// holds, for one group of the window after the other, that group's bits of all its filters, in the low nibbles of bytes.
// Filters that fill the last vector are 0.
//
// Scratch: a pixel of +1, then for every row and column that a window touches, padding included, a byte per group: its
// bits in the pixel of that column (low nibble) and in the one that the next window sees there (high nibble). A pair of
// windows reads rows of it as they lie.
#ifndef LCDNN_BINARY_PAIRS_SIMD128_H
#define LCDNN_BINARY_PAIRS_SIMD128_H

#include "binary_epilogue.h"
#include "bytes16.h"

namespace lcdnn {

struct PairTables {
  alignas(16) uint8_t counts[256][16];
};

constexpr PairTables pair_tables() {
  PairTables tables{};
  for (int x = 0; x < 256; ++x) {
    for (int w = 0; w < 16; ++w) {
      const int left = __builtin_popcount((x & 15) ^ w);
      const int right = __builtin_popcount((x >> 4) ^ w);
      tables.counts[x][w] = static_cast<uint8_t>(left | right << 4);
    }
  }
  return tables;
}

inline constexpr PairTables kPairTables = pair_tables();

class BinaryPairs {
 public:
  static int32_t prepared_bytes(int32_t filters, int32_t taps, int32_t c) {
    return (filters + 15) / 16 * 16 * taps * groups(c);
  }

  static void prepare(const uint8_t* travelled, uint8_t* prepared, int32_t filters, int32_t taps, int32_t c) {
    for (int32_t i = 0; i < prepared_bytes(filters, taps, c); ++i) prepared[i] = 0;
    const int32_t row = taps * groups(c);
    for (int32_t first = 0; first < filters; first += 16 * vectors_at(filters, first)) {
      const int32_t lanes = 16 * vectors_at(filters, first);
      for (int32_t lane = 0; lane < lanes && first + lane < filters; ++lane) {
        uint8_t* to = prepared + first * row + lane;
        for (int32_t tap = 0; tap < taps; ++tap, travelled += (c + 7) / 8) {
          for (int32_t group = 0; group < groups(c); ++group, to += lanes) {
            *to = travelled[group / 2] >> group % 2 * 4 & 15;
          }
        }
      }
    }
  }

  BinaryPairs(const uint8_t* x, uint8_t* scratch, int32_t h, int32_t w, int32_t c, int32_t kernel, int32_t stride,
              int32_t pad_top, int32_t pad_left, int32_t oh, int32_t ow)
      : pairs_(scratch + (c + 7) / 8), groups_(groups(c)), kernel_(kernel), stride_(stride), oh_(oh), ow_(ow),
        columns_((ow - 1) / 2 * 2 * stride + kernel) {
    const int32_t pixel_bytes = (c + 7) / 8;
    for (int32_t i = 0; i < pixel_bytes; ++i) scratch[i] = 0xff;
    scratch[pixel_bytes - 1] = static_cast<uint8_t>(0xff >> (-c & 7));
    uint8_t* to = scratch + pixel_bytes;
    for (int32_t iy = -pad_top; iy < (oh - 1) * stride + kernel - pad_top; ++iy) {
      const auto pixel = [=](int32_t ix) {
        return iy >= 0 && iy < h && ix >= 0 && ix < w ? x + (iy * w + ix) * pixel_bytes : scratch;
      };
      for (int32_t ix = -pad_left; ix < columns_ - pad_left; ++ix, to += groups_) {
        pair(pixel(ix), pixel(ix + stride), groups_, to);
      }
    }
  }

  void convolve(const uint8_t* prepared, const BinaryEpilogue& finish) const {
    // A tile's weights stay in the nearest cache while all pixels pass by.
    const int32_t row = kernel_ * kernel_ * groups_;
    for (int32_t first = 0; first < finish.filters;) {
      const int32_t vectors = vectors_at(finish.filters, first);
      const uint8_t* w = prepared + first * row;
      if (vectors == 4) {
        all_pixels<4>(w, finish, first);
      } else if (vectors == 2) {
        all_pixels<2>(w, finish, first);
      } else {
        all_pixels<1>(w, finish, first);
      }
      first += 16 * vectors;
    }
  }

 private:
  // A byte holds the counts of so many steps of three groups: 21 * 12 <= 255.
  static constexpr int32_t kSteps = 21;

  static int32_t groups(int32_t c) { return (c + 3) / 4; }

  // Vectors of the tile that begins with filter `first`.
  static int32_t vectors_at(int32_t filters, int32_t first) {
    const int32_t left = (filters - first + 15) / 16;
    return left >= 4 ? 4 : left >= 2 ? 2 : 1;
  }

  static void pair(const uint8_t* left, const uint8_t* right, int32_t groups, uint8_t* to) {
    int32_t group = 0;
    for (; group + 16 <= groups; group += 16, left += 8, right += 8) {
      const Bytes a = load_eight(left);
      const Bytes b = load_eight(right);
      const Bytes even = low_nibbles(a) | (Bytes)((Shorts)low_nibbles(b) << 4);
      const Bytes odd = high_nibbles(a) | (b & 0xf0);
      store(to + group, interleaved_low(even, odd));
    }
    for (; group + 2 <= groups; group += 2, ++left, ++right) {
      to[group] = static_cast<uint8_t>((*left & 15) | *right << 4);
      to[group + 1] = static_cast<uint8_t>(*left >> 4 | (*right & 0xf0));
    }
    if (group < groups) to[group] = static_cast<uint8_t>((*left & 15) | *right << 4);
  }

  template <int Vectors>
  void all_pixels(const uint8_t* w, const BinaryEpilogue& finish, int32_t first) const {
    const int32_t left = finish.filters - first;
    const int32_t count = left < 16 * Vectors ? left : 16 * Vectors;
    for (int32_t oy = 0; oy < oh_; ++oy) {
      for (int32_t ox = 0; ox < ow_; ox += 2) {
        Sums<Vectors> sums;
        sums.add_window(pairs_ + (oy * columns_ + ox) * stride_ * groups_, columns_ * groups_, kernel_,
                        kernel_ * groups_, w);
        const int32_t pixel = oy * ow_ + ox;
        finish(sums.differing[0], pixel, first, count);
        if (ox + 1 < ow_) finish(sums.differing[1], pixel + 1, first, count);
      }
    }
  }

  // The bits in which a pair of windows differs from 16 * Vectors filters.
  template <int Vectors>
  struct Sums {
    alignas(16) uint16_t differing[2][16 * Vectors];

    // A window is `rows` runs of `run` groups, `step` apart.
    void add_window(const uint8_t* pairs, int32_t step, int32_t rows, int32_t run, const uint8_t* w) {
      Bytes counts[2][Vectors] = {};
      bool empty = true;
      int32_t steps = kSteps;
      for (int32_t row = 0; row < rows; ++row, pairs += step) {
        for (int32_t i = 0; i < run;) {
          // As many steps of three groups as the bytes hold; the groups left over at the end of a run one by one.
          int32_t whole = (run - i) / 3;
          if (whole > steps) whole = steps;
          for (int32_t end = i + 3 * whole; i < end; i += 3, w += 48 * Vectors) count<3>(pairs + i, w, counts);
          steps -= whole;
          if (steps > 0 && i < run && run - i < 3) {
            count<1>(pairs + i, w, counts);
            ++i;
            w += 16 * Vectors;
            --steps;
          }
          if (steps == 0) {
            widen(counts, empty);
            empty = false;
            steps = kSteps;
          }
        }
      }
      widen(counts, empty);
    }

   private:
    template <int Groups>
    static void count(const uint8_t* pairs, const uint8_t* w, Bytes (&counts)[2][Vectors]) {
      Bytes tables[Groups];
      unrolled<Groups>([&](int g) { tables[g] = *reinterpret_cast<const Bytes*>(kPairTables.counts[pairs[g]]); });
      const Bytes* weights = reinterpret_cast<const Bytes*>(w);
      unrolled<Vectors>([&](int v) {
        Bytes sum = look_up(tables[0], weights[v]);
        unrolled<Groups - 1>([&](int g) { sum += look_up(tables[g + 1], weights[(g + 1) * Vectors + v]); });
        counts[0][v] += low_nibbles(sum);
        counts[1][v] += high_nibbles(sum);
      });
    }

    // Moves the counts of bytes to `differing`. The first ones are stored and not added to zeros.
    void widen(Bytes (&counts)[2][Vectors], bool store) {
      unrolled<2>([&](int p) {
        unrolled<Vectors>([&](int v) {
          typedef uint16_t Sixteen __attribute__((vector_size(16), may_alias));
          Sixteen* to = reinterpret_cast<Sixteen*>(differing[p] + 16 * v);
          Sixteen low = widened_low(counts[p][v]);
          Sixteen high = widened_high(counts[p][v]);
          if (!store) {
            low += to[0];
            high += to[1];
          }
          to[0] = low;
          to[1] = high;
          counts[p][v] = Bytes{};
        });
      });
    }
  };

  const uint8_t* pairs_;
  int32_t groups_;
  int32_t kernel_;
  int32_t stride_;
  int32_t oh_;
  int32_t ow_;
  int32_t columns_;
};

}  // namespace lcdnn
#endif
