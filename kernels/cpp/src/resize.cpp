// Resizing of RGBA pixels. The loader drives these kernels row by row (templates/loader/parts/resize.js), so that only a few
// rows of a large image are in memory at a time. Everything but the averages is computed in 16-bit integers: eight values fit in
// a vector, and all builds give the same levels.
#include "../include/lcdnn.h"
#include "lanes.h"

namespace {

// Bits behind the point. A product has one bit less than a value, so that a sum of products may reach twice the brightest level.
constexpr int32_t kValueBits = 7;
constexpr int32_t kProductBits = 6;

int32_t lesser(int32_t a, int32_t b) { return a < b ? a : b; }

int32_t product(int16_t value, int16_t weight) { return (value * weight + (1 << 14)) >> 15; }

// Nearest whole level from 0 to 255 of a sum of products.
int32_t to_level(int32_t sum) {
  const int32_t level = (sum + (1 << (kProductBits - 1))) >> kProductBits;
  return level < 0 ? 0 : lesser(level, 255);
}

// Nearest whole number, ties to even, of a value below 2^23: adding 2^23 leaves no digits for fractions.
int16_t to_integer(float value) { return static_cast<int16_t>((value + 8388608.0f) - 8388608.0f); }

#ifdef __wasm_simd128__
v128_t product(v128_t values, v128_t weights) { return wasm_i16x8_q15mulr_sat(values, weights); }

v128_t to_level(v128_t sum) {
  return wasm_i16x8_shr(wasm_i16x8_add(sum, wasm_i16x8_const_splat(1 << (kProductBits - 1))), kProductBits);
}
#endif

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

// Averages blocks of `columns` sums. @returns whether all pixels of these blocks are opaque
bool average_blocks(const uint16_t* sums, int16_t* y, int32_t width, int32_t channels, int32_t count, int32_t columns,
                    int32_t rows) {
  const int32_t size = columns * rows;
  const float scale = static_cast<float>(1 << kValueBits) / static_cast<float>(size);
  const float grey_scale = scale / 1000;
  uint32_t least_opacity = 255 * size;
  for (int32_t i = 0; i < count; ++i) {
    const int32_t start = i * columns;
    const int32_t inside = lesser(columns, width - start);
    const uint16_t* from = sums + 4 * start;
    const uint16_t* last = from + 4 * (inside - 1);
    uint32_t sum[4] = {0, 0, 0, 0};
#ifdef __wasm_simd128__
    v128_t all = wasm_i32x4_const_splat(0);
    for (; from <= last; from += 4) all = wasm_i32x4_add(all, wasm_u32x4_load16x4(from));
    for (int32_t x = inside; x < columns; ++x) all = wasm_i32x4_add(all, wasm_u32x4_load16x4(last));
    if (channels != 1) {
      const v128_t mean = wasm_f32x4_mul(wasm_f32x4_convert_u32x4(all), wasm_f32x4_splat(scale));
      // The low half of each lane is the whole number.
      const v128_t whole = wasm_f32x4_add(mean, wasm_f32x4_const_splat(8388608.0f));
      const v128_t packed = wasm_i16x8_shuffle(whole, whole, 0, 2, 4, 6, 0, 2, 4, 6);
      wasm_v128_store64_lane(y + 4 * i, packed, 0);
      const uint32_t opacity = wasm_i32x4_extract_lane(all, 3);
      least_opacity = opacity < least_opacity ? opacity : least_opacity;
      continue;
    }
    wasm_v128_store(sum, all);
#else
    for (int32_t c = 0; c < 4; ++c) {
      for (int32_t x = 0; x < inside; ++x) sum[c] += from[4 * x + c];
      sum[c] += (columns - inside) * last[c];
    }
#endif
    least_opacity = sum[3] < least_opacity ? sum[3] : least_opacity;
    if (channels == 1) {
      const float red = static_cast<float>(sum[0]);
      const float green = static_cast<float>(sum[1]);
      const float blue = static_cast<float>(sum[2]);
      y[i] = to_integer((299 * red + 587 * green + 114 * blue) * grey_scale);
    } else {
      for (int32_t c = 0; c < 4; ++c) y[4 * i + c] = to_integer(static_cast<float>(sum[c]) * scale);
    }
  }
  return least_opacity == static_cast<uint32_t>(255 * size);
}

void lay_on_black(uint8_t* pixels, int32_t count) {
  for (uint8_t* pixel = pixels; pixel < pixels + 4 * count; pixel += 4) {
    for (int32_t c = 0; c < 3; ++c) pixel[c] = static_cast<uint8_t>((pixel[c] * pixel[3] + 127) / 255);
  }
}

}  // namespace

void lcdnn_shrink_rgba(uint8_t* pixels, uint16_t* sums, int16_t* y, int32_t width, int32_t channels, int32_t count,
                       int32_t columns, int32_t rows) {
  // Once more if pixels had to be laid on black.
  for (int32_t pass = 0; pass < 2; ++pass) {
    sum_rows(pixels, sums, 4 * width, rows);
    if (average_blocks(sums, y, width, channels, count, columns, rows)) return;
    if (pass == 0) lay_on_black(pixels, width * rows);
  }
}

void lcdnn_filter_rows(const int16_t* ring, const int16_t* weights, int16_t* y, int32_t count, int32_t taps, int32_t first) {
  const int16_t* end = ring + taps * count;
#ifdef __wasm_simd128__
  for (int32_t i = 0; i < count; i += 32) {
    v128_t sums[4];
    lcdnn::unrolled<4>([&](int k) { sums[k] = wasm_i16x8_const_splat(0); });
    const int16_t* row = ring + first * count;
    for (int32_t j = 0; j < taps; ++j) {
      const v128_t weight = wasm_v128_load16_splat(weights + j);
      lcdnn::unrolled<4>([&](int k) {
        sums[k] = wasm_i16x8_add(sums[k], product(wasm_v128_load(row + i + 8 * k), weight));
      });
      row += count;
      if (row == end) row = ring;
    }
    lcdnn::unrolled<4>([&](int k) {
      const v128_t level = to_level(sums[k]);
      const v128_t clamped = wasm_u16x8_extend_low_u8x16(wasm_u8x16_narrow_i16x8(level, level));
      wasm_v128_store(y + i + 8 * k, wasm_i16x8_shl(clamped, kValueBits));
    });
  }
#else
  for (int32_t i = 0; i < count; ++i) {
    int32_t sum = 0;
    const int16_t* row = ring + first * count;
    for (int32_t j = 0; j < taps; ++j) {
      sum += product(row[i], weights[j]);
      row += count;
      if (row == end) row = ring;
    }
    y[i] = static_cast<int16_t>(to_level(sum) << kValueBits);
  }
#endif
}

void lcdnn_filter_columns(const int16_t* x, const int16_t* weights, const int32_t* first, uint8_t* y, int32_t channels,
                          int32_t count, int32_t taps) {
  const int32_t depth = channels == 1 ? 1 : 4;
  for (int32_t i = 0; i < count; ++i, weights += taps, y += channels) {
    const int16_t* from = x + depth * first[i];
#ifdef __wasm_simd128__
    if (channels != 1) {
      // Two pixels at a time.
      v128_t all = wasm_i16x8_const_splat(0);
      int32_t j = 0;
      for (; j + 2 <= taps; j += 2) {
        const v128_t two = wasm_v128_load32_splat(weights + j);
        const v128_t each = wasm_i16x8_shuffle(two, two, 0, 0, 0, 0, 1, 1, 1, 1);
        all = wasm_i16x8_add(all, product(wasm_v128_load(from + 4 * j), each));
      }
      if (j < taps) {
        all = wasm_i16x8_add(all, product(wasm_v128_load64_zero(from + 4 * j), wasm_v128_load16_splat(weights + j)));
      }
      const v128_t sums = to_level(wasm_i16x8_add(all, wasm_i64x2_shuffle(all, all, 1, 1)));
      const v128_t levels = wasm_u8x16_narrow_i16x8(sums, sums);
      wasm_v128_store16_lane(y, levels, 0);
      wasm_v128_store8_lane(y + 2, levels, 2);
      continue;
    }
#endif
    for (int32_t c = 0; c < channels; ++c) {
      int32_t sum = 0;
      for (int32_t j = 0; j < taps; ++j) sum += product(from[depth * j + c], weights[j]);
      y[c] = static_cast<uint8_t>(to_level(sum));
    }
  }
}
