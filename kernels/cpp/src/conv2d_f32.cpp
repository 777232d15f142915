// Float convolution in register tiles: `Pixels` outputs of one row x `Vectors` vectors of filters. In NHWC the taps of one
// kernel row are contiguous, in x as in w, so a window is `kernel` runs of taps x channels.
#include "affine_prelu.h"
#include "lcdnn.h"
#include "window.h"

namespace {

using lcdnn::AffineHardSwish;
using lcdnn::AffinePrelu;
using lcdnn::F32x1;
using lcdnn::Geometry;
using lcdnn::Lanes;
using lcdnn::TapRange;
using lcdnn::unrolled;

// The taps that every pixel of a tile reads, as runs.
struct Runs {
  const float* x;
  const float* w;
  int32_t rows;
  int32_t length;
  int32_t x_row;
  int32_t w_row;
  int32_t x_pixel;  // from one pixel of the tile to the next
  int32_t filters;
};

template <class L, int Pixels, int Vectors, class Finish>
void tile(const Runs& runs, const float* bias, const Finish& finish, float* y, int32_t filter) {
  L sums[Pixels][Vectors];
  unrolled<Vectors>([&](int v) {
    const L start = bias ? L::load(bias + filter + v * L::kCount) : L::splat(0);
    unrolled<Pixels>([&](int p) { sums[p][v] = start; });
  });
  for (int32_t row = 0; row < runs.rows; ++row) {
    const float* x = runs.x + row * runs.x_row;
    const float* w = runs.w + row * runs.w_row + filter;
    for (int32_t i = 0; i < runs.length; ++i, ++x, w += runs.filters) {
      unrolled<Pixels>([&](int p) {
        const L value = L::splat(x[p * runs.x_pixel]);
        unrolled<Vectors>([&](int v) { sums[p][v] = sums[p][v] + value * L::load(w + v * L::kCount); });
      });
    }
  }
  unrolled<Pixels>([&](int p) {
    unrolled<Vectors>([&](int v) {
      const int32_t at = filter + v * L::kCount;
      finish(sums[p][v], at).store(y + p * runs.filters + at);
    });
  });
}

// All filters of `Pixels` pixels. The last vector overlaps the one before it, so that none reaches past the end; a filter
// that is computed twice gets the same bits twice.
template <int Pixels, class Finish>
void all_filters(const Runs& runs, const float* bias, const Finish& finish, float* y) {
  constexpr int kVectors = 2;
  int32_t filter = 0;
  for (; filter + kVectors * Lanes::kCount <= runs.filters; filter += kVectors * Lanes::kCount) {
    tile<Lanes, Pixels, kVectors>(runs, bias, finish, y, filter);
  }
  for (; filter < runs.filters && runs.filters >= Lanes::kCount; filter += Lanes::kCount) {
    if (filter + Lanes::kCount > runs.filters) filter = runs.filters - Lanes::kCount;
    tile<Lanes, Pixels, 1>(runs, bias, finish, y, filter);
  }
  for (; filter < runs.filters; ++filter) tile<F32x1, Pixels, 1>(runs, bias, finish, y, filter);
}

template <class Finish>
void convolve(const float* x, const float* w, const float* bias, const Finish& finish, float* y, Geometry at) {
  if (at.is_pointwise()) at = at.as_one_row();
  constexpr int kPixels = 4;
  for (int32_t out_row = 0; out_row < at.out_height; ++out_row) {
    const int32_t top = at.top(out_row);
    const TapRange rows = at.rows_inside(top);
    for (int32_t out_column = 0; out_column < at.out_width;) {
      const int32_t left = at.left(out_column);
      const TapRange columns = at.columns_inside(left);
      const Runs runs{x + at.pixel(top + rows.begin, left + columns.begin),
                      w + (rows.begin * at.kernel + columns.begin) * at.channels * at.filters,
                      rows.count(),
                      columns.count() * at.channels,
                      at.width * at.channels,
                      at.kernel * at.channels * at.filters,
                      at.stride * at.channels,
                      at.filters};
      const bool whole_tile_inside = out_column + kPixels <= at.out_width && left >= 0 &&
                                     left + (kPixels - 1) * at.stride + at.kernel <= at.width;
      if (whole_tile_inside) {
        all_filters<kPixels>(runs, bias, finish, y);
      } else {
        all_filters<1>(runs, bias, finish, y);
      }
      const int32_t done = whole_tile_inside ? kPixels : 1;
      y += done * at.filters;
      out_column += done;
    }
  }
}

}  // namespace

extern "C" {

void lcdnn_conv2d_f32(const float* x, const float* w, const float* bias, const float* scale, const float* shift,
                      const float* slope, const float* most, float* y, int32_t height, int32_t width, int32_t channels,
                      int32_t filters, int32_t kernel, int32_t stride, int32_t pad_top, int32_t pad_left,
                      int32_t out_height, int32_t out_width) {
  convolve(x, w, bias, AffinePrelu{scale, shift, slope, most}, y,
           {height, width, channels, filters, kernel, stride, pad_top, pad_left, out_height, out_width});
}

void lcdnn_conv2d_hard_swish_f32(const float* x, const float* w, const float* bias, const float* scale,
                                 const float* shift, float* y, int32_t height, int32_t width, int32_t channels,
                                 int32_t filters, int32_t kernel, int32_t stride, int32_t pad_top, int32_t pad_left,
                                 int32_t out_height, int32_t out_width) {
  convolve(x, w, bias, AffineHardSwish{{scale, shift, nullptr}}, y,
           {height, width, channels, filters, kernel, stride, pad_top, pad_left, out_height, out_width});
}

}  // extern "C"
