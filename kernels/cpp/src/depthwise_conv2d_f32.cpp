// Float convolution of every channel by itself. Several outputs of one row are computed together: neighbouring windows
// share most of their pixels, and all of their weights.
#include "affine_prelu.h"
#include "lcdnn.h"
#include "window.h"

namespace {

using lcdnn::AffineHardSwish;
using lcdnn::AffinePrelu;
using lcdnn::for_lanes;
using lcdnn::Geometry;
using lcdnn::Lanes;
using lcdnn::TapRange;
using lcdnn::unrolled;

template <class Finish>
struct Layer {
  const float* x;
  const float* w;
  Finish finish;
  float* y;
  Geometry at;

  // One output, with any part of its window outside the image.
  void pixel(int32_t out_row, int32_t out_column) const {
    const int32_t top = at.top(out_row);
    const int32_t left = at.left(out_column);
    const TapRange rows = at.rows_inside(top);
    const TapRange columns = at.columns_inside(left);
    float* to = y + (out_row * at.out_width + out_column) * at.channels;
    for_lanes(at.channels, [&](auto lanes, int32_t channel) {
      using L = decltype(lanes);
      L sum = L::splat(0);
      for (int32_t row = rows.begin; row < rows.end; ++row) {
        const float* tap = x + at.pixel(top + row, left + columns.begin) + channel;
        const float* weight = w + (row * at.kernel + columns.begin) * at.channels + channel;
        for (int32_t i = 0; i < columns.count(); ++i, tap += at.channels, weight += at.channels) {
          sum = sum + L::load(tap) * L::load(weight);
        }
      }
      finish(sum, channel).store(to + channel);
    });
  }

  // kPixels outputs. Every column of their windows is inside the image.
  static constexpr int kPixels = 4;
  template <int Kernel, int Stride>
  void tile(int32_t out_row, int32_t out_column) const {
    const int32_t top = at.top(out_row);
    const TapRange rows = at.rows_inside(top);
    const float* first = x + at.pixel(top + rows.begin, at.left(out_column));
    float* to = y + (out_row * at.out_width + out_column) * at.channels;
    for (int32_t channel = 0; channel < at.channels; channel += Lanes::kCount) {
      // The last vector overlaps the one before it.
      if (channel + Lanes::kCount > at.channels) channel = at.channels - Lanes::kCount;
      Lanes sums[kPixels];
      unrolled<kPixels>([&](int p) { sums[p] = Lanes::splat(0); });
      const float* taps = first + channel;
      const float* weight = w + rows.begin * Kernel * at.channels + channel;
      for (int32_t row = rows.begin; row < rows.end; ++row, taps += at.width * at.channels) {
        Lanes weights[Kernel];
        unrolled<Kernel>([&](int tap) {
          weights[tap] = Lanes::load(weight);
          weight += at.channels;
        });
        const float* pixel = taps;
        unrolled<(kPixels - 1) * Stride + Kernel>([&](int column) {
          const Lanes value = Lanes::load(pixel);
          pixel += at.channels;
          unrolled<kPixels>([&](int p) {
            const int tap = column - p * Stride;
            if (tap >= 0 && tap < Kernel) sums[p] = sums[p] + value * weights[tap];
          });
        });
      }
      unrolled<kPixels>([&](int p) { finish(sums[p], channel).store(to + p * at.channels + channel); });
    }
  }

  template <int Kernel, int Stride>
  void convolve() const {
    const TapRange inside = at.outputs_inside();
    const bool tiles = inside.count() >= kPixels && at.channels >= Lanes::kCount;
    for (int32_t row = 0; row < at.out_height; ++row) {
      for (int32_t column = 0; column < at.out_width; ++column) {
        if (!tiles || column < inside.begin || column >= inside.end) {
          pixel(row, column);
          continue;
        }
        for (; column < inside.end; column += kPixels) {
          // The last tile overlaps the one before it.
          if (column + kPixels > inside.end) column = inside.end - kPixels;
          tile<Kernel, Stride>(row, column);
        }
        column = inside.end - 1;
      }
    }
  }

  void convolve() const {
#ifdef LCDNN_SIMD128
    if (at.kernel == 3 && at.stride == 1) return convolve<3, 1>();
    if (at.kernel == 3 && at.stride == 2) return convolve<3, 2>();
    if (at.kernel == 5 && at.stride == 1) return convolve<5, 1>();
    if (at.kernel == 5 && at.stride == 2) return convolve<5, 2>();
#endif
    for (int32_t row = 0; row < at.out_height; ++row) {
      for (int32_t column = 0; column < at.out_width; ++column) pixel(row, column);
    }
  }
};

}  // namespace

extern "C" {

void lcdnn_depthwise_conv2d_f32(const float* x, const float* w, const float* scale, const float* shift,
                                const float* slope, const float* most, float* y, int32_t height, int32_t width,
                                int32_t channels, int32_t kernel, int32_t stride, int32_t pad_top, int32_t pad_left,
                                int32_t out_height, int32_t out_width) {
  const Geometry at{height, width, channels, channels, kernel, stride, pad_top, pad_left, out_height, out_width};
  Layer<AffinePrelu>{x, w, {scale, shift, slope, most}, y, at}.convolve();
}

void lcdnn_depthwise_conv2d_hard_swish_f32(const float* x, const float* w, const float* scale, const float* shift,
                                           float* y, int32_t height, int32_t width, int32_t channels, int32_t kernel,
                                           int32_t stride, int32_t pad_top, int32_t pad_left, int32_t out_height,
                                           int32_t out_width) {
  const Geometry at{height, width, channels, channels, kernel, stride, pad_top, pad_left, out_height, out_width};
  Layer<AffineHardSwish>{x, w, {{scale, shift, nullptr}}, y, at}.convolve();
}

}  // extern "C"
