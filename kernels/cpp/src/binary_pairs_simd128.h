// Binary convolution by table look-up. Four channels of a pixel select one of 16 tables of 16 bytes, which holds
// popcount(x ^ w) for the four bits w of a weight; one `swizzle` looks up 16 filters. Counts up to 4 need half a byte, so a
// table serves two pixels, with the left one's count in the low nibble, and three look-ups are added before the nibbles
// are separated. On x86, where popcount takes eight instructions, this is half the work of xor, popcount and add; on ARM
// it is the same.
//
// Below, a group is four channels. Prepared weights: filters in vectors of 16, vectors in tiles; a tile holds, for one
// group of the window after the other, that group's bits of all its filters, in the low nibbles of bytes. Filters that
// fill the last vector are 0.
//
// Scratch: a pixel of +1, then for every row and column that a window touches, padding included, a byte per group: its
// bits in the pixel of that column (low nibble) and in the pixel that the next window sees there (high nibble). A pair of
// windows reads rows of it without rearranging them.
#ifndef LCDNN_BINARY_PAIRS_SIMD128_H
#define LCDNN_BINARY_PAIRS_SIMD128_H

#include "binary_epilogue.h"
#include "bytes16.h"
#include "window.h"

namespace lcdnn {

struct PairTables {
  alignas(16) uint8_t counts[256][16];

  // Not at compile time: a page would download the tables.
  void fill() {
    if (counts[255][0] != 0) return;
    for (int x = 0; x < 256; ++x) {
      for (int w = 0; w < 16; ++w) {
        const int left = __builtin_popcount((x & 15) ^ w);
        const int right = __builtin_popcount((x >> 4) ^ w);
        counts[x][w] = static_cast<uint8_t>(left | right << 4);
      }
    }
  }
};

inline PairTables pair_tables;

class BinaryPairs {
 public:
  static int32_t prepared_bytes(int32_t filters, int32_t taps, int32_t channels) {
    return (filters + 15) / 16 * 16 * taps * groups(channels);
  }

  static void prepare(const uint8_t* downloaded, uint8_t* prepared, int32_t filters, int32_t taps, int32_t channels) {
    pair_tables.fill();
    for (int32_t i = 0; i < prepared_bytes(filters, taps, channels); ++i) prepared[i] = 0;
    const int32_t row = taps * groups(channels);
    for (int32_t first = 0; first < filters; first += 16 * vectors_at(filters, first)) {
      const int32_t lanes = 16 * vectors_at(filters, first);
      for (int32_t lane = 0; lane < lanes && first + lane < filters; ++lane) {
        uint8_t* to = prepared + first * row + lane;
        for (int32_t tap = 0; tap < taps; ++tap, downloaded += (channels + 7) / 8) {
          for (int32_t group = 0; group < groups(channels); ++group, to += lanes) {
            *to = downloaded[group / 2] >> group % 2 * 4 & 15;
          }
        }
      }
    }
  }

  BinaryPairs(const uint8_t* x, uint8_t* scratch, const Geometry& at)
      : at_(at), pairs_(scratch + (at.channels + 7) / 8), groups_(groups(at.channels)),
        columns_((at.out_width - 1) / 2 * 2 * at.stride + at.kernel) {
    const int32_t pixel_bytes = (at.channels + 7) / 8;
    for (int32_t i = 0; i < pixel_bytes; ++i) scratch[i] = 0xff;
    scratch[pixel_bytes - 1] = static_cast<uint8_t>(0xff >> (-at.channels & 7));
    uint8_t* to = scratch + pixel_bytes;
    for (int32_t row = at.top(0); row < at.top(at.out_height - 1) + at.kernel; ++row) {
      const auto pixel = [=](int32_t column) {
        const bool inside = row >= 0 && row < at.height && column >= 0 && column < at.width;
        return inside ? x + (row * at.width + column) * pixel_bytes : scratch;
      };
      for (int32_t column = at.left(0); column < at.left(0) + columns_; ++column, to += groups_) {
        pair(pixel(column), pixel(column + at.stride), groups_, to);
      }
    }
  }

  void convolve(const uint8_t* prepared, const BinaryEpilogue& finish) const {
    // A tile's weights stay in the nearest cache while all pixels pass by.
    const int32_t row = at_.taps() * groups_;
    for (int32_t first = 0; first < at_.filters;) {
      const int32_t vectors = vectors_at(at_.filters, first);
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

  static int32_t groups(int32_t channels) { return (channels + 3) / 4; }

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
    const int32_t left = at_.filters - first;
    const int32_t count = left < 16 * Vectors ? left : 16 * Vectors;
    const int32_t run = at_.kernel * groups_;
    for (int32_t row = 0; row < at_.out_height; ++row) {
      for (int32_t column = 0; column < at_.out_width; column += 2) {
        const uint8_t* pairs = pairs_ + (row * columns_ + column) * at_.stride * groups_;
        Sums<Vectors> sums;
        sums.add_window(pairs, columns_ * groups_, at_.kernel, run, w);
        const int32_t pixel = row * at_.out_width + column;
        finish(sums.differing[0], pixel, first, count);
        if (column + 1 < at_.out_width) finish(sums.differing[1], pixel + 1, first, count);
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
      unrolled<Groups>([&](int g) { tables[g] = *reinterpret_cast<const Bytes*>(pair_tables.counts[pairs[g]]); });
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

  Geometry at_;
  const uint8_t* pairs_;
  int32_t groups_;
  int32_t columns_;
};

}  // namespace lcdnn
#endif
