// Convolution of levels with weights in 8 bits, in 16-bit numbers. The windows of a few neighbouring outputs are copied side by
// side and widened; then pairs of their values meet pairs of weights of eight filters at once.
//
// Prepared weights: filters in blocks of eight. A block has, for one pair of the window after the other, both weights of every
// filter. Each kernel row is filled up to whole pairs. What fills pairs and the last block is 0.
#include "lcdnn.h"
#include "level_epilogue.h"
#include "window.h"

namespace {

using lcdnn::Geometry;
using lcdnn::Integers;
using lcdnn::LevelEpilogue;
using lcdnn::Shorts16;
using lcdnn::unrolled;

#ifdef LCDNN_SIMD128
constexpr int kPixels = 4;
#else
constexpr int kPixels = 1;
#endif
constexpr int32_t kBlock = 8;
// Numbers of a window: at most 1,040, one more for each of up to 11 rows with an odd length, and what copying writes behind.
constexpr int32_t kWindow = 1072;

int32_t row_pairs(int32_t kernel, int32_t channels) { return (kernel * channels + 1) / 2; }

struct Layer {
  const uint8_t* x;
  const int16_t* w;
  LevelEpilogue finish;
  Geometry at;

  int32_t pairs() const { return at.kernel * row_pairs(at.kernel, at.channels); }

  // Copies a window. What follows a row of odd length meets weights of 0.
  void copy_window(const uint8_t* from, int16_t* to) const {
    const int32_t length = 2 * row_pairs(at.kernel, at.channels);
    for (int32_t row = 0; row < at.kernel; ++row, from += at.width * at.channels, to += length) {
      for (int32_t i = 0; i < length; i += 8) lcdnn::store_shorts(to + i, lcdnn::load_levels(from + i));
    }
  }

  // `count` <= kPixels outputs from index `pixel` on, for one block of filters.
  void block(const int16_t* windows, int32_t pixel, int32_t count, int32_t filter) const {
    Integers first[kPixels];
    Integers second[kPixels];
    unrolled<kPixels>([&](int p) { first[p] = second[p] = Integers{0, 0, 0, 0}; });
    const int16_t* weights = w + filter * pairs() * 2;
    for (int32_t pair = 0; pair < pairs(); ++pair, windows += 2, weights += 2 * kBlock) {
      const Shorts16 low = lcdnn::load_shorts(weights);
      const Shorts16 high = lcdnn::load_shorts(weights + kBlock);
      unrolled<kPixels>([&](int p) {
        const Shorts16 value = lcdnn::load_pair(windows + p * kWindow);
        first[p] += lcdnn::dot(low, value);
        second[p] += lcdnn::dot(high, value);
      });
    }
    unrolled<kPixels>([&](int p) {
      if (p < count) finish(first[p], second[p], filter, (pixel + p) * at.filters + filter, at.filters - filter);
    });
  }

  void convolve() const {
    alignas(16) int16_t windows[kPixels * kWindow];
    for (int32_t out_row = 0; out_row < at.out_height; ++out_row) {
      for (int32_t out_column = 0; out_column < at.out_width; out_column += kPixels) {
        const int32_t count = lcdnn::clamp(at.out_width - out_column, 0, kPixels);
        for (int32_t p = 0; p < count; ++p) {
          copy_window(x + at.pixel(at.top(out_row), at.left(out_column + p)), windows + p * kWindow);
        }
        const int32_t pixel = out_row * at.out_width + out_column;
        for (int32_t filter = 0; filter < at.filters; filter += kBlock) block(windows, pixel, count, filter);
      }
    }
  }
};

}  // namespace

extern "C" {

int32_t lcdnn_prepared_conv2d_levels_bytes(int32_t kernel, int32_t channels, int32_t filters) {
  return (filters + kBlock - 1) / kBlock * kernel * row_pairs(kernel, channels) * kBlock * 4;
}

void lcdnn_prepare_conv2d_levels(const int8_t* downloaded, int16_t* prepared, int32_t kernel, int32_t channels,
                                 int32_t filters) {
  const int32_t pairs = row_pairs(kernel, channels);
  for (int32_t i = 0; i < lcdnn_prepared_conv2d_levels_bytes(kernel, channels, filters) / 2; ++i) prepared[i] = 0;
  for (int32_t row = 0; row < kernel; ++row) {
    for (int32_t i = 0; i < kernel * channels; ++i) {
      for (int32_t filter = 0; filter < filters; ++filter) {
        const int32_t pair = (filter / kBlock * kernel + row) * pairs + i / 2;
        prepared[2 * (kBlock * pair + filter % kBlock) + i % 2] = *downloaded++;
      }
    }
  }
}

void lcdnn_conv2d_levels(const uint8_t* x, const int16_t* w, const float* scale, const float* shift, void* y,
                         int32_t floats, int32_t height, int32_t width, int32_t channels, int32_t filters,
                         int32_t kernel, int32_t stride, int32_t out_height, int32_t out_width) {
  Geometry at{height, width, channels, filters, kernel, stride, 0, 0, out_height, out_width};
  if (at.is_pointwise()) at = at.as_one_row();
  Layer{x, w, {scale, shift, y, floats != 0}, at}.convolve();
}

}  // extern "C"
