// Turns the number of bits in which windows and weights differ into the values of a binary layer.
#ifndef LCDNN_BINARY_EPILOGUE_H
#define LCDNN_BINARY_EPILOGUE_H

#include "affine_prelu.h"

namespace lcdnn {

struct BinaryEpilogue {
  const float* k;  // null: 1
  AffinePrelu finish;
  const float* shortcut;  // null: none; has the shape of y and may be y
  float* y;
  int32_t filters;
  int32_t bits;  // of a window, without the bits that fill its bytes

  // Values of `count` filters from `first` on at one pixel.
  template <class Integer>
  void operator()(const Integer* differing, int32_t pixel, int32_t first, int32_t count) const {
    const float scale = k ? k[pixel] : 1;
    const int32_t at = pixel * filters + first;
    for_lanes(count, [=, this](auto lanes, int32_t i) {
      using L = decltype(lanes);
      L u = finish.affine(L::sum_of_signs(bits, differing + i) * L::splat(scale), first + i);
      if (shortcut) u = u + L::load(shortcut + at + i);
      finish.prelu(u, first + i).store(y + at + i);
    });
  }
};

}  // namespace lcdnn
#endif
