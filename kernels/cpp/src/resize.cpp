// Resizing of RGBA pixels. The loader drives these kernels row by row (templates/loader/parts/resize.js), so that only a few
// rows of a large image are in memory at a time.
#include "../include/lcdnn.h"
#include "lanes.h"

namespace {

using lcdnn::F32x1;
using lcdnn::Lanes;

// sums[i] = the sum of byte i of every row.
void sum_rows(const uint8_t* pixels, uint16_t* sums, int32_t bytes, int32_t rows) {
  int32_t i = 0;
#ifdef __wasm_simd128__
  for (; i + 16 <= bytes; i += 16) {
    v128_t low = wasm_i16x8_const_splat(0);
    v128_t high = low;
    const uint8_t* from = pixels + i;
    for (int32_t row = 0; row < rows; ++row, from += bytes) {
      const v128_t values = wasm_v128_load(from);
      low = wasm_i16x8_add(low, wasm_u16x8_extend_low_u8x16(values));
      high = wasm_i16x8_add(high, wasm_u16x8_extend_high_u8x16(values));
    }
    wasm_v128_store(sums + i, low);
    wasm_v128_store(sums + i + 8, high);
  }
#endif
  for (; i < bytes; ++i) {
    uint32_t sum = 0;
    for (int32_t row = 0; row < rows; ++row) sum += pixels[row * bytes + i];
    sums[i] = static_cast<uint16_t>(sum);
  }
}

void lay_on_black(uint8_t* pixel) {
  for (int32_t c = 0; c < 3; ++c) pixel[c] = static_cast<uint8_t>((pixel[c] * pixel[3] + 127) / 255);
}

// Nearest whole level from 0 to 255, ties to even: adding 2^23 leaves no digits for fractions.
template <class L>
L to_level(L value) {
  const L clamped = lesser_of(greater_of(L::splat(0), value), L::splat(255));
  return (clamped + L::splat(8388608.0f)) + L::splat(-8388608.0f);
}

}  // namespace

void lcdnn_flatten_rgba(uint8_t* pixels, int32_t count) {
  int32_t i = 0;
#ifdef __wasm_simd128__
  const v128_t colours = wasm_i32x4_const_splat(0x00ffffff);
  const v128_t opaque = wasm_i8x16_const_splat(-1);
  for (; i + 4 <= count; i += 4) {
    uint8_t* four = pixels + 4 * i;
    if (wasm_i8x16_all_true(wasm_i8x16_eq(wasm_v128_or(wasm_v128_load(four), colours), opaque))) continue;
    for (int32_t j = 0; j < 4; ++j) lay_on_black(four + 4 * j);
  }
#endif
  for (; i < count; ++i) lay_on_black(pixels + 4 * i);
}

void lcdnn_shrink_rgba(const uint8_t* pixels, uint16_t* sums, float* y, int32_t width, int32_t channels, int32_t first,
                       int32_t count, int32_t columns, int32_t rows) {
  sum_rows(pixels, sums, 4 * width, rows);
  const float pixels_per_block = static_cast<float>(columns * rows);
  for (int32_t i = 0; i < count; ++i) {
    const int32_t start = (first + i) * columns;
    uint32_t sum[4] = {0, 0, 0, 0};
#ifdef __wasm_simd128__
    v128_t all = wasm_i32x4_const_splat(0);
    for (int32_t x = start; x < start + columns; ++x) {
      all = wasm_i32x4_add(all, wasm_u32x4_load16x4(sums + 4 * (x < width ? x : width - 1)));
    }
    if (channels != 1) {
      const v128_t mean = wasm_f32x4_div(wasm_f32x4_convert_u32x4(all), wasm_f32x4_splat(pixels_per_block));
      wasm_v128_store(y + 4 * i, wasm_f32x4_replace_lane(mean, 3, 0));
      continue;
    }
    wasm_v128_store(sum, all);
#else
    for (int32_t x = start; x < start + columns; ++x) {
      const uint16_t* from = sums + 4 * (x < width ? x : width - 1);
      for (int32_t c = 0; c < 4; ++c) sum[c] += from[c];
    }
#endif
    const float red = static_cast<float>(sum[0]);
    const float green = static_cast<float>(sum[1]);
    const float blue = static_cast<float>(sum[2]);
    if (channels == 1) {
      y[i] = (299 * red + 587 * green + 114 * blue) / (1000 * pixels_per_block);
    } else {
      y[4 * i] = red / pixels_per_block;
      y[4 * i + 1] = green / pixels_per_block;
      y[4 * i + 2] = blue / pixels_per_block;
      y[4 * i + 3] = 0;
    }
  }
}

void lcdnn_filter_columns(const float* x, const float* weights, const int32_t* first, float* y, int32_t channels,
                          int32_t count, int32_t taps) {
  for (int32_t i = 0; i < count; ++i) {
    const float* w = weights + i * taps;
    const float* from = x + first[i] * channels;
    if (channels == 1) {
      Lanes sum = Lanes::splat(0);
      int32_t j = 0;
      for (; j + Lanes::kCount <= taps; j += Lanes::kCount) sum = sum + Lanes::load(w + j) * Lanes::load(from + j);
      float total = sum.sum();
      for (; j < taps; ++j) total += w[j] * from[j];
      to_level(F32x1{total}).store(y + i);
    } else {
      for (int32_t c = 0; c < channels; c += Lanes::kCount) {
        Lanes sum = Lanes::splat(0);
        for (int32_t j = 0; j < taps; ++j) sum = sum + Lanes::splat(w[j]) * Lanes::load(from + j * channels + c);
        to_level(sum).store(y + i * channels + c);
      }
    }
  }
}

void lcdnn_add_weighted_f32(const float* x, float weight, float* y, int32_t count) {
  lcdnn::for_lanes(count, [&](auto lanes, int32_t i) {
    using L = decltype(lanes);
    (L::load(y + i) + L::splat(weight) * L::load(x + i)).store(y + i);
  });
}
