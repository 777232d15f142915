// Float convolution in register tiles: `Pixels` outputs of one row x `Vectors` vectors of filters. In NHWC the taps of one
// kernel row lie side by side, in x as in w, so a window is `kernel` runs of taps x channels.
#include "affine_prelu.h"
#include "lcdnn.h"
#include "window.h"

namespace {

using lcdnn::AffinePrelu;
using lcdnn::F32x1;
using lcdnn::Lanes;
using lcdnn::TapRange;
using lcdnn::taps_inside;
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

template <class L, int Pixels, int Vectors>
void tile(const Runs& runs, const float* bias, const AffinePrelu& finish, float* y, int32_t filter) {
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

// All filters of `Pixels` pixels. The last vector is laid back over the one before it, so that none reaches past the
// end; a filter that is computed twice gets the same bits twice.
template <int Pixels>
void all_filters(const Runs& runs, const float* bias, const AffinePrelu& finish, float* y) {
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

}  // namespace

extern "C" void lcdnn_conv2d_f32(const float* x, const float* w, const float* bias, const float* scale,
                                 const float* shift, const float* slope, float* y, int32_t h, int32_t w_in, int32_t c,
                                 int32_t filters, int32_t kernel, int32_t stride, int32_t pad_top, int32_t pad_left,
                                 int32_t oh, int32_t ow) {
  const AffinePrelu finish{scale, shift, slope};
  constexpr int kPixels = 4;
  for (int32_t oy = 0; oy < oh; ++oy) {
    const int32_t top = oy * stride - pad_top;
    const TapRange rows = taps_inside(top, kernel, h);
    for (int32_t ox = 0; ox < ow;) {
      const int32_t left = ox * stride - pad_left;
      const TapRange columns = taps_inside(left, kernel, w_in);
      const Runs runs{x + ((top + rows.begin) * w_in + left + columns.begin) * c,
                      w + (rows.begin * kernel + columns.begin) * c * filters,
                      rows.end - rows.begin,
                      (columns.end - columns.begin) * c,
                      w_in * c,
                      kernel * c * filters,
                      stride * c,
                      filters};
      const bool whole_tile_inside =
          ox + kPixels <= ow && left >= 0 && left + (kPixels - 1) * stride + kernel <= w_in;
      if (whole_tile_inside) {
        all_filters<kPixels>(runs, bias, finish, y);
      } else {
        all_filters<1>(runs, bias, finish, y);
      }
      const int32_t done = whole_tile_inside ? kPixels : 1;
      y += done * filters;
      ox += done;
    }
  }
}
