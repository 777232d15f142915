// Levels from floats, their sums, and their padding.
#include "lcdnn.h"
#include "level_epilogue.h"
#include "patch.h"

namespace {

using lcdnn::for_lanes;

// y[i] = the level of value(lane type, i).
template <class Value>
void store_all_levels(int32_t count, uint8_t* y, const Value& value) {
  int32_t first = 0;
#ifdef LCDNN_SIMD128
  using lcdnn::F32x4;
  for (; first + 8 <= count; first += 8) store_levels(value(F32x4{}, first), value(F32x4{}, first + 4), y + first);
#endif
  for (; first < count; ++first) store_level(value(lcdnn::F32x1{}, first), y + first);
}

}  // namespace

extern "C" {

void lcdnn_quantise(const float* x, const float* scale, const float* shift, uint8_t* y, int32_t count) {
  store_all_levels(count, y, [=](auto lanes, int32_t i) {
    using L = decltype(lanes);
    return L::load(x + i) * L::splat(*scale) + L::splat(*shift);
  });
}

void lcdnn_add_levels(const uint8_t* a, const uint8_t* b, const float* weights, void* y, int32_t floats,
                      int32_t count) {
  const auto value = [=](auto lanes, int32_t i) {
    using L = decltype(lanes);
    return (L::of(a + i) * L::splat(weights[0]) + L::of(b + i) * L::splat(weights[1])) + L::splat(weights[2]);
  };
  if (!floats) return store_all_levels(count, static_cast<uint8_t*>(y), value);
  for_lanes(count, [=](auto lanes, int32_t i) { value(lanes, i).store(static_cast<float*>(y) + i); });
}

void lcdnn_pad_levels(const uint8_t* x, uint8_t* y, int32_t fill, int32_t height, int32_t width, int32_t channels,
                      int32_t pad_top, int32_t pad_left, int32_t out_height, int32_t out_width) {
  const int32_t row_bytes = out_width * channels;
  for (int32_t row = 0; row < out_height; ++row, y += row_bytes) {
    for (int32_t i = 0; i < row_bytes; ++i) y[i] = static_cast<uint8_t>(fill);
    const int32_t from = row - pad_top;
    if (from < 0 || from >= height) continue;
    lcdnn::copy_bytes(y + pad_left * channels, x + from * width * channels, width * channels);
  }
}

}  // extern "C"
