// Convolution of every channel of levels by itself, eight channels at once. All sums fit in 16 bits, because the sizes of a
// channel's weights add up to 258 at most. Several outputs of one row are computed together: neighbouring windows share most
// of their pixels, and all of their weights.
//
// Prepared weights: 16-bit numbers in the order of the download, with the channels of a tap filled up to whole vectors.
#include "lcdnn.h"
#include "level_epilogue.h"
#include "window.h"

namespace {

using lcdnn::Geometry;
using lcdnn::LevelEpilogue;
using lcdnn::Shorts16;
using lcdnn::TapRange;
using lcdnn::unrolled;

constexpr int32_t kBlock = 8;

int32_t in_blocks(int32_t channels) { return (channels + kBlock - 1) / kBlock * kBlock; }

struct Layer {
  const uint8_t* x;
  const int16_t* w;
  LevelEpilogue finish;
  Geometry at;

  void store(Shorts16 sums, int32_t pixel, int32_t channel) const {
    finish(lcdnn::low_integers(sums), lcdnn::high_integers(sums), channel, pixel * at.channels + channel,
           at.channels - channel);
  }

  // One output, with any part of its window outside the image.
  void pixel(int32_t out_row, int32_t out_column) const {
    const int32_t top = at.top(out_row);
    const int32_t left = at.left(out_column);
    const TapRange rows = at.rows_inside(top);
    const TapRange columns = at.columns_inside(left);
    for (int32_t channel = 0; channel < at.channels; channel += kBlock) {
      Shorts16 sums = {0, 0, 0, 0, 0, 0, 0, 0};
      for (int32_t row = rows.begin; row < rows.end; ++row) {
        const uint8_t* tap = x + at.pixel(top + row, left + columns.begin) + channel;
        const int16_t* weights = w + (row * at.kernel + columns.begin) * in_blocks(at.channels) + channel;
        for (int32_t i = 0; i < columns.count(); ++i, tap += at.channels, weights += in_blocks(at.channels)) {
          sums += lcdnn::load_levels(tap) * lcdnn::load_shorts(weights);
        }
      }
      store(sums, out_row * at.out_width + out_column, channel);
    }
  }

#ifdef LCDNN_SIMD128
  // kPixels outputs. Every column of their windows is inside the image.
  static constexpr int kPixels = 4;
  template <int Kernel, int Stride>
  void tile(int32_t out_row, int32_t out_column) const {
    const int32_t top = at.top(out_row);
    const TapRange rows = at.rows_inside(top);
    const uint8_t* first = x + at.pixel(top + rows.begin, at.left(out_column));
    const int32_t tap_step = in_blocks(at.channels);
    for (int32_t channel = 0; channel < at.channels; channel += kBlock) {
      Shorts16 sums[kPixels];
      unrolled<kPixels>([&](int p) { sums[p] = Shorts16{0, 0, 0, 0, 0, 0, 0, 0}; });
      const uint8_t* taps = first + channel;
      const int16_t* weight = w + rows.begin * Kernel * tap_step + channel;
      for (int32_t row = rows.begin; row < rows.end; ++row, taps += at.width * at.channels) {
        Shorts16 weights[Kernel];
        unrolled<Kernel>([&](int tap) {
          weights[tap] = lcdnn::load_shorts(weight);
          weight += tap_step;
        });
        const uint8_t* pixel = taps;
        unrolled<(kPixels - 1) * Stride + Kernel>([&](int column) {
          const Shorts16 value = lcdnn::load_levels(pixel);
          pixel += at.channels;
          unrolled<kPixels>([&](int p) {
            const int tap = column - p * Stride;
            if (tap >= 0 && tap < Kernel) sums[p] += value * weights[tap];
          });
        });
      }
      unrolled<kPixels>([&](int p) { store(sums[p], out_row * at.out_width + out_column + p, channel); });
    }
  }

  template <int Kernel, int Stride>
  void in_tiles() const {
    const TapRange inside = at.outputs_inside();
    for (int32_t row = 0; row < at.out_height; ++row) {
      for (int32_t column = 0; column < at.out_width;) {
        if (inside.count() < kPixels || column < inside.begin || column >= inside.end) {
          pixel(row, column++);
          continue;
        }
        // The last tile overlaps the one before it.
        tile<Kernel, Stride>(row, column + kPixels > inside.end ? inside.end - kPixels : column);
        column = column + kPixels > inside.end ? inside.end : column + kPixels;
      }
    }
  }
#endif

  void convolve() const {
#ifdef LCDNN_SIMD128
    if (at.kernel == 3 && at.stride == 1) return in_tiles<3, 1>();
    if (at.kernel == 3 && at.stride == 2) return in_tiles<3, 2>();
    if (at.kernel == 5 && at.stride == 1) return in_tiles<5, 1>();
    if (at.kernel == 5 && at.stride == 2) return in_tiles<5, 2>();
#endif
    for (int32_t row = 0; row < at.out_height; ++row) {
      for (int32_t column = 0; column < at.out_width; ++column) pixel(row, column);
    }
  }
};

}  // namespace

extern "C" {

int32_t lcdnn_prepared_depthwise_conv2d_levels_bytes(int32_t kernel, int32_t channels) {
  return kernel * kernel * in_blocks(channels) * 2;
}

void lcdnn_prepare_depthwise_conv2d_levels(const int8_t* downloaded, int16_t* prepared, int32_t kernel,
                                           int32_t channels) {
  for (int32_t tap = 0; tap < kernel * kernel; ++tap) {
    for (int32_t channel = 0; channel < in_blocks(channels); ++channel) {
      *prepared++ = channel < channels ? *downloaded++ : 0;
    }
  }
}

void lcdnn_depthwise_conv2d_levels(const uint8_t* x, const int16_t* w, const float* scale, const float* shift,
                                   uint8_t* y, int32_t height, int32_t width, int32_t channels, int32_t kernel,
                                   int32_t stride, int32_t pad_top, int32_t pad_left, int32_t out_height,
                                   int32_t out_width) {
  const Geometry at{height, width, channels, channels, kernel, stride, pad_top, pad_left, out_height, out_width};
  Layer{x, w, {scale, shift, y, false}, at}.convolve();
}

}  // extern "C"
