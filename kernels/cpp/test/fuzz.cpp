// Random shapes through every kernel, against the reference. Buffers lie on the heap and are exactly as long as the header
// says, so that the address sanitizer sees any read or write beyond them.
//
// Where the result is a matter of rounding, half of the runs use small whole numbers, on which float sums are exact in
// any order; the others allow two units in the last place of the sum of magnitudes, and more of them for long sums, whose
// rounding errors grow as a random walk does.
#include <cstdio>
#include <cstdlib>
#include <random>

#include "lcdnn.h"
#include "reference.h"

namespace {

using reference::Bits;
using reference::Floats;
using reference::Sum;
using reference::Window;

std::mt19937 generator(20201204);

int between(int low, int high) { return low + static_cast<int>(generator() % (high - low + 1)); }
bool coin() { return generator() % 2 == 0; }

Floats floats(int count, bool whole = false) {
  std::normal_distribution<float> normal;
  Floats values(count);
  for (float& value : values) value = whole ? static_cast<float>(between(-8, 8)) : normal(generator);
  return values;
}

Floats floats_or_none(int count) { return coin() ? floats(count) : Floats(); }

const float* pointer(const Floats& values) { return values.empty() ? nullptr : values.data(); }

// Rows of `bits` random bits, now and then all the same, so that whole rows differ; the bits that fill their last bytes
// are 0.
Bits bit_rows(int rows, int bits) {
  const int row_bytes = (bits + 7) / 8;
  const unsigned any = between(0, 3) == 0 ? 0 : 0xff;
  const unsigned all = any == 0 && coin() ? 0xff : 0;
  Bits bytes(rows * row_bytes);
  for (int i = 0; i < rows * row_bytes; ++i) {
    const int left = bits - i % row_bytes * 8;
    bytes[i] = ((generator() & any) | all) & (left < 8 ? (1 << left) - 1 : 0xff);
  }
  return bytes;
}

void expect(bool holds, const char* kernel, const Window& at, size_t i, double got, double want) {
  if (holds) return;
  std::fprintf(stderr, "%s: output %zu is %.9g, expected %.9g; h %d w %d c %d filters %d kernel %d stride %d pad %d %d oh %d ow %d\n",
               kernel, i, got, want, at.h, at.w, at.c, at.filters, at.kernel, at.stride, at.pad_top, at.pad_left, at.oh,
               at.ow);
  std::exit(1);
}

void expect_equal(const char* kernel, const Window& at, const Floats& got, const Floats& want) {
  for (size_t i = 0; i < want.size(); ++i) expect(got[i] == want[i], kernel, at, i, got[i], want[i]);
}

void expect_near(const char* kernel, const Window& at, const Floats& got, const std::vector<Sum>& want, bool exact) {
  for (size_t i = 0; i < want.size(); ++i) {
    const double tolerance = exact ? 0 : want[i].magnitude * std::max(2.0, std::sqrt(want[i].terms)) / (1 << 23);
    expect(std::fabs(got[i] - want[i].value) <= tolerance, kernel, at, i, got[i], want[i].value);
  }
}

Window random_window(int most_channels, int most_filters) {
  Window at{};
  at.kernel = between(1, 5);
  at.stride = between(1, 3);
  at.pad_top = between(0, at.kernel - 1);
  at.pad_left = between(0, at.kernel - 1);
  at.c = between(1, most_channels);
  at.filters = between(1, most_filters);
  at.oh = between(1, 6);
  at.ow = between(1, 9);
  // The last windows end inside, on the border, or beyond it.
  at.h = std::max(1, (at.oh - 1) * at.stride + at.kernel - at.pad_top - between(-1, at.kernel - 1));
  at.w = std::max(1, (at.ow - 1) * at.stride + at.kernel - at.pad_left - between(-1, at.kernel - 1));
  return at;
}

// One pixel or one column, strides larger than the kernel, windows that lie entirely in the padding.
Window hostile_window(int most_channels, int most_filters) {
  Window at = random_window(most_channels, most_filters);
  at.stride = between(1, 9);
  at.pad_top = between(0, 9);
  at.pad_left = between(0, 9);
  at.h = between(1, 3);
  at.w = between(1, 3);
  return at;
}

void fuzz_conv2d(const Window& at) {
  const bool whole = coin();
  const Floats x = floats(at.h * at.w * at.c, whole);
  const Floats w = floats(at.kernel * at.kernel * at.c * at.filters, whole);
  const Floats bias = coin() ? floats(at.filters, whole) : Floats();
  Floats y(at.oh * at.ow * at.filters);
  const auto conv = [&](const Floats& scale, const Floats& shift, const Floats& slope, const Floats& most) {
    lcdnn_conv2d_f32(x.data(), w.data(), pointer(bias), pointer(scale), pointer(shift), pointer(slope), pointer(most),
                     y.data(), at.h, at.w, at.c, at.filters, at.kernel, at.stride, at.pad_top, at.pad_left, at.oh,
                     at.ow);
  };
  conv({}, {}, {}, {});
  expect_near("conv2d_f32", at, y, reference::conv2d_f32(at, x, w, bias), whole);
  const Floats scale = floats_or_none(at.filters);
  const Floats shift = floats_or_none(at.filters);
  const Floats slope = floats_or_none(at.filters);
  const Floats most = floats_or_none(1);
  const Floats finished = reference::finished(y, scale, shift, slope, most, at.filters);
  conv(scale, shift, slope, most);
  expect_equal("conv2d_f32, finished", at, y, finished);
  conv(scale, shift, {}, {});
  const Floats swished = reference::hard_swish(y);
  lcdnn_conv2d_hard_swish_f32(x.data(), w.data(), pointer(bias), pointer(scale), pointer(shift), y.data(), at.h, at.w,
                              at.c, at.filters, at.kernel, at.stride, at.pad_top, at.pad_left, at.oh, at.ow);
  expect_equal("conv2d_hard_swish_f32", at, y, swished);
}

void fuzz_input_scale(const Window& at) {
  const Floats x = floats(at.h * at.w * at.c);
  const Floats scale = floats_or_none(at.c);
  const Floats shift = floats_or_none(at.c);
  Floats k(at.oh * at.ow);
  lcdnn_input_scale_f32(x.data(), pointer(scale), pointer(shift), k.data(), at.h, at.w, at.c, at.kernel, at.stride,
                        at.pad_top, at.pad_left, at.oh, at.ow);
  expect_near("input_scale_f32", at, k, reference::input_scale_f32(at, x, scale, shift), false);
}

void fuzz_binary_conv2d(const Window& at) {
  const Bits x = bit_rows(at.h * at.w, at.c);
  const Bits w = bit_rows(at.filters * at.kernel * at.kernel, at.c);
  const Floats k = floats_or_none(at.oh * at.ow);
  const Floats scale = floats_or_none(at.filters);
  const Floats shift = floats_or_none(at.filters);
  const Floats slope = floats_or_none(at.filters);
  const int taps = at.kernel * at.kernel;
  Bits ready(lcdnn_prepared_binary_conv2d_bytes(at.filters, taps, at.c), 0xee);
  lcdnn_prepare_binary_conv2d(w.data(), ready.data(), at.filters, taps, at.c);
  const int rows = (at.oh - 1) * at.stride + at.kernel;
  const int columns = (at.ow - 1) / 2 * 2 * at.stride + at.kernel;
  Bits scratch((at.c + 7) / 8 + (at.c + 3) / 4 * rows * columns, 0xee);
  const Floats shortcut = floats_or_none(at.oh * at.ow * at.filters);
  Floats y = shortcut.empty() ? Floats(at.oh * at.ow * at.filters) : shortcut;
  lcdnn_binary_conv2d(x.data(), ready.data(), pointer(k), pointer(scale), pointer(shift), pointer(slope),
                      shortcut.empty() ? nullptr : y.data(), y.data(), scratch.data(), at.h, at.w, at.c, at.filters,
                      at.kernel, at.stride, at.pad_top, at.pad_left, at.oh, at.ow);
  expect_equal("binary_conv2d", at, y, reference::binary_conv2d(at, x, w, k, scale, shift, slope, shortcut));
}

void fuzz_binary_dense(int inputs, int units) {
  const Window at{1, 1, inputs, units, 1, 1, 0, 0, 1, 1};
  const Bits x = bit_rows(1, inputs);
  const Bits w = bit_rows(units, inputs);
  const Floats k = floats_or_none(1);
  const Floats scale = floats_or_none(units);
  const Floats shift = floats_or_none(units);
  const Floats slope = floats_or_none(units);
  Bits ready(lcdnn_prepared_binary_dense_bytes(units, inputs), 0xee);
  lcdnn_prepare_binary_dense(w.data(), ready.data(), units, inputs);
  Floats y(units);
  lcdnn_binary_dense(x.data(), ready.data(), pointer(k), pointer(scale), pointer(shift), pointer(slope), y.data(),
                     inputs, units);
  expect_equal("binary_dense", at, y, reference::binary_conv2d(at, x, w, k, scale, shift, slope));
}

void fuzz_depthwise_conv2d(const Window& at) {
  const bool whole = coin();
  const Floats x = floats(at.h * at.w * at.c, whole);
  const Floats w = floats(at.kernel * at.kernel * at.c, whole);
  Floats y(at.oh * at.ow * at.c);
  const auto conv = [&](const Floats& scale, const Floats& shift, const Floats& slope, const Floats& most) {
    lcdnn_depthwise_conv2d_f32(x.data(), w.data(), pointer(scale), pointer(shift), pointer(slope), pointer(most),
                               y.data(), at.h, at.w, at.c, at.kernel, at.stride, at.pad_top, at.pad_left, at.oh, at.ow);
  };
  conv({}, {}, {}, {});
  expect_near("depthwise_conv2d_f32", at, y, reference::depthwise_conv2d_f32(at, x, w), whole);
  const Floats scale = floats_or_none(at.c);
  const Floats shift = floats_or_none(at.c);
  const Floats slope = floats_or_none(at.c);
  const Floats most = floats_or_none(1);
  const Floats finished = reference::finished(y, scale, shift, slope, most, at.c);
  conv(scale, shift, slope, most);
  expect_equal("depthwise_conv2d_f32, finished", at, y, finished);
  conv(scale, shift, {}, {});
  const Floats swished = reference::hard_swish(y);
  lcdnn_depthwise_conv2d_hard_swish_f32(x.data(), w.data(), pointer(scale), pointer(shift), y.data(), at.h, at.w, at.c,
                                        at.kernel, at.stride, at.pad_top, at.pad_left, at.oh, at.ow);
  expect_equal("depthwise_conv2d_hard_swish_f32", at, y, swished);
}

// Levels, and the bytes behind them, which may have any content.
Bits levels(int count) {
  Bits values(count + 16);
  for (int i = 0; i < count; ++i) values[i] = static_cast<uint8_t>(between(0, 127));
  for (int i = count; i < count + 16; ++i) values[i] = static_cast<uint8_t>(generator());
  return values;
}

reference::Weights byte_weights(int count) {
  reference::Weights values(count);
  for (int8_t& value : values) value = static_cast<int8_t>(between(-127, 127));
  return values;
}

// Floats around the size at which sums of levels become levels, and now and then halves, which round to even.
Floats level_scales(int count, int terms) {
  if (coin()) return Floats(count, 0.5f);
  Floats values = floats(count);
  for (float& value : values) value *= 0.02f / std::sqrt(static_cast<float>(terms));
  return values;
}

Floats level_shifts(int count) {
  Floats values = floats(count, true);
  for (float& value : values) value = 8 * value + 60;
  return values;
}

void expect_levels(const char* kernel, const Window& at, const Bits& got, const Bits& want) {
  for (size_t i = 0; i < want.size(); ++i) expect(got[i] == want[i], kernel, at, i, got[i], want[i]);
}

void fuzz_conv2d_levels(Window at) {
  at.pad_top = at.pad_left = 0;
  at.h = (at.oh - 1) * at.stride + at.kernel + between(0, 2);
  at.w = (at.ow - 1) * at.stride + at.kernel + between(0, 2);
  const Bits x = levels(at.h * at.w * at.c);
  const reference::Weights w = byte_weights(at.kernel * at.kernel * at.c * at.filters);
  const Floats scale = level_scales(at.filters, at.kernel * at.kernel * at.c);
  const Floats shift = level_shifts(at.filters);
  std::vector<int16_t> ready(lcdnn_prepared_conv2d_levels_bytes(at.kernel, at.c, at.filters) / 2, -1);
  lcdnn_prepare_conv2d_levels(w.data(), ready.data(), at.kernel, at.c, at.filters);
  const int count = at.oh * at.ow * at.filters;
  const auto conv = [&](void* y, int32_t floats) {
    lcdnn_conv2d_levels(x.data(), ready.data(), scale.data(), shift.data(), y, floats, at.h, at.w, at.c, at.filters,
                        at.kernel, at.stride, at.oh, at.ow);
  };
  const Floats want = reference::conv2d_levels(at, x, w, scale, shift);
  Floats y(count);
  conv(y.data(), 1);
  expect_equal("conv2d_levels to floats", at, y, want);
  Bits bytes(count);
  Bits want_bytes(count);
  for (int i = 0; i < count; ++i) want_bytes[i] = reference::level_of(want[i]);
  conv(bytes.data(), 0);
  expect_levels("conv2d_levels", at, bytes, want_bytes);
}

void fuzz_depthwise_conv2d_levels(const Window& at) {
  const Bits x = levels(at.h * at.w * at.c);
  // The largest weights that keep the sums in range, or one large weight.
  reference::Weights w = byte_weights(at.kernel * at.kernel * at.c);
  const int most = std::min(127, 258 / (at.kernel * at.kernel));
  for (int8_t& weight : w) weight = static_cast<int8_t>(weight % (most + 1));
  if (coin()) {
    for (int i = 0; i < at.kernel * at.kernel * at.c; ++i) w[i] = i < at.c ? -127 : i < 2 * at.c ? 127 : 0;
  }
  const Floats scale = level_scales(at.c, at.kernel * at.kernel);
  const Floats shift = level_shifts(at.c);
  std::vector<int16_t> ready(lcdnn_prepared_depthwise_conv2d_levels_bytes(at.kernel, at.c) / 2, -1);
  lcdnn_prepare_depthwise_conv2d_levels(w.data(), ready.data(), at.kernel, at.c);
  Bits y(at.oh * at.ow * at.c);
  lcdnn_depthwise_conv2d_levels(x.data(), ready.data(), scale.data(), shift.data(), y.data(), at.h, at.w, at.c,
                                at.kernel, at.stride, at.pad_top, at.pad_left, at.oh, at.ow);
  expect_levels("depthwise_conv2d_levels", at, y, reference::depthwise_conv2d_levels(at, x, w, scale, shift));
}

void fuzz_levels(int count) {
  const Window at{1, count, 1, 1, 0, 0, 0, 0, 1, count};
  const Floats x = floats(count);
  const Floats scale = {coin() ? 0.5f : 30.0f};
  const Floats shift = {static_cast<float>(between(0, 127))};
  Bits y(count);
  Bits want(count);
  for (int i = 0; i < count; ++i) want[i] = reference::level_of(x[i] * scale[0] + shift[0]);
  lcdnn_quantise(x.data(), scale.data(), shift.data(), y.data(), count);
  expect_levels("quantise", at, y, want);

  const Bits a = levels(count);
  const Bits b = levels(count);
  const Floats weights = {coin() ? 0.5f : 0.7f, coin() ? 0.5f : -0.3f, coin() ? 0.0f : 11.25f};
  Floats sums(count);
  for (int i = 0; i < count; ++i) {
    const float left = static_cast<float>(a[i]) * weights[0];
    const float right = static_cast<float>(b[i]) * weights[1];
    const float sum = left + right;
    sums[i] = sum + weights[2];
    want[i] = reference::level_of(sums[i]);
  }
  lcdnn_add_levels(a.data(), b.data(), weights.data(), y.data(), 0, count);
  expect_levels("add_levels", at, y, want);
  Floats added(count);
  lcdnn_add_levels(a.data(), b.data(), weights.data(), added.data(), 1, count);
  expect_equal("add_levels to floats", at, added, sums);
}

void fuzz_pad_levels(int height, int width, int channels) {
  const int top = between(0, 3);
  const int left = between(0, 3);
  const Window at{height, width, channels, 0, 0, 0, top, left, height + top + between(0, 3), width + left + between(0, 3)};
  const Bits x = levels(height * width * channels);
  Bits y(at.oh * at.ow * channels, 0xee);
  Bits want(y.size(), 9);
  for (int i = 0; i < height * width * channels; ++i) {
    const int pixel = i / channels;
    want[((pixel / width + top) * at.ow + pixel % width + left) * channels + i % channels] = x[i];
  }
  lcdnn_pad_levels(x.data(), y.data(), 9, height, width, channels, top, left, at.oh, at.ow);
  expect_levels("pad_levels", at, y, want);
}

void fuzz_max_pool(const Window& at) {
  const Floats x = floats(at.h * at.w * at.c);
  Floats y(at.oh * at.ow * at.c);
  lcdnn_max_pool_f32(x.data(), y.data(), at.h, at.w, at.c, at.kernel, at.stride, at.pad_top, at.pad_left, at.oh, at.ow);
  expect_equal("max_pool_f32", at, y, reference::max_pool_f32(at, x));
}

void fuzz_average_pool(int channels) {
  const int rows = between(1, 4);
  const int columns = between(1, 4);
  const int oh = between(1, 5);
  const int ow = between(1, 5);
  const Window at{oh * rows, ow * columns + between(0, columns - 1), channels, channels, rows, columns, 0, 0, oh, ow};
  const Floats x = floats(at.h * at.w * channels);
  Floats y(oh * ow * channels);
  lcdnn_average_pool_f32(x.data(), y.data(), at.w, channels, rows, columns, oh, ow);
  expect_near("average_pool_f32", at, y, reference::average_pool_f32(x, at.w, channels, rows, columns, oh, ow), false);
}

void fuzz_shortcut(int channels, int places, int times) {
  const Window at{places, 1, channels, times, 0, 0, 0, 0, 0, 0};
  const int count = channels * places;
  const Floats a = floats(count);
  const Floats b = floats(count);
  const Floats most = floats(1);

  Floats repeated(count * times);
  Floats want(count * times);
  for (int i = 0; i < count * times; ++i) want[i] = a[i / (channels * times) * channels + i % channels];
  lcdnn_repeat_channels_f32(a.data(), repeated.data(), places, channels, times);
  expect_equal("repeat_channels_f32", at, repeated, want);

  Floats sums(count);
  Floats least(count);
  for (int i = 0; i < count; ++i) {
    sums[i] = a[i] + b[i];
    least[i] = std::min(a[i], most[0]);
  }
  Floats y = a;
  lcdnn_add_f32(y.data(), b.data(), y.data(), count);
  expect_equal("add_f32 in place", at, y, sums);
  y = a;
  lcdnn_minimum_f32(y.data(), most.data(), y.data(), count);
  expect_equal("minimum_f32 in place", at, y, least);
  for (size_t i = 0; i < y.size(); ++i) y[i] = 3 * a[i];
  const Floats swished = reference::hard_swish(y);
  lcdnn_hard_swish_f32(y.data(), y.data(), count);
  expect_equal("hard_swish_f32 in place", at, y, swished);
}

void fuzz_pointwise(int channels, int pixels_of_row, int rows) {
  const int row = channels * pixels_of_row;
  const Window at{rows, pixels_of_row, channels, 0, 0, 0, 0, 0, 0, 0};
  Floats x = floats(row * rows, coin());  // whole numbers hit 0, where the sign turns
  const Floats scale = floats_or_none(channels);
  const Floats shift = floats_or_none(channels);
  const Floats slope = floats_or_none(channels);

  Floats y(x.size());
  const Floats want = reference::affine_prelu_f32(x, scale, shift, slope, channels);
  const int count = static_cast<int>(x.size());
  lcdnn_affine_prelu_f32(x.data(), pointer(scale), pointer(shift), pointer(slope), y.data(), count, channels);
  expect_equal("affine_prelu_f32", at, y, want);
  y = x;
  lcdnn_affine_prelu_f32(y.data(), pointer(scale), pointer(shift), pointer(slope), y.data(), count, channels);
  expect_equal("affine_prelu_f32 in place", at, y, want);

  x[between(0, count - 1)] = std::numeric_limits<float>::quiet_NaN();
  const Bits signs = reference::sign_pack(x, scale, shift, channels, row);
  Bits bits(signs.size(), 0xee);
  lcdnn_sign_pack(x.data(), pointer(scale), pointer(shift), bits.data(), count, channels, row);
  for (size_t i = 0; i < bits.size(); ++i) expect(bits[i] == signs[i], "sign_pack", at, i, bits[i], signs[i]);
}

void fuzz_dense(int inputs, int units) {
  const Window at{1, 1, inputs, units, 1, 1, 0, 0, 1, 1};
  const bool whole = coin();
  const Floats x = floats(inputs, whole);
  const Floats w = floats(inputs * units, whole);
  const Floats bias = floats(units, whole);
  Floats y(units);
  lcdnn_dense_f32(x.data(), w.data(), bias.data(), y.data(), inputs, units);
  expect_near("dense_f32", at, y, reference::dense_f32(x, w, bias), whole);
}

Bits random_bytes(int count) {
  Bits values(count);
  for (uint8_t& value : values) value = static_cast<uint8_t>(generator());
  return values;
}

// On black, as lcdnn_shrink_rgba leaves pixels.
long on_black(const Bits& pixels, int at) { return std::lround(pixels[at] * pixels[at / 4 * 4 + 3] / 255.0); }

void fuzz_shrink_rgba(int width, int columns, int rows) {
  const int channels = coin() ? 1 : 3;
  const int count = (width + columns - 1) / columns;
  const int depth = channels == 1 ? 1 : 4;
  const Window at{rows, width, channels, 0, columns, rows, 0, 0, 1, count};
  Bits pixels = random_bytes(4 * width * rows);
  if (coin()) {
    for (int i = 3; i < 4 * width * rows; i += 4) pixels[i] = 255;
  }
  const Bits given = pixels;
  std::vector<uint16_t> sums(4 * width);
  std::vector<int16_t> y(depth * count);
  lcdnn_shrink_rgba(pixels.data(), sums.data(), y.data(), width, channels, count, columns, rows);
  for (int i = 0; i < count; ++i) {
    double mean[3] = {0, 0, 0};
    for (int tap = 0; tap < rows * columns; ++tap) {
      const int column = std::min(width - 1, i * columns + tap % columns);
      for (int c = 0; c < 3; ++c) {
        mean[c] += on_black(given, 4 * (tap / columns * width + column) + c) / double(rows * columns);
      }
    }
    const double grey = 0.299 * mean[0] + 0.587 * mean[1] + 0.114 * mean[2];
    for (int c = 0; c < std::min(depth, 3); ++c) {
      const double want = 128 * (channels == 1 ? grey : mean[c]);
      expect(std::fabs(y[depth * i + c] - want) <= 0.501, "shrink_rgba", at, depth * i + c, y[depth * i + c], want);
    }
  }
}

std::vector<int16_t> levels_with_fractions(int count) {
  std::vector<int16_t> values(count);
  for (int16_t& value : values) value = static_cast<int16_t>(between(0, 128 * 255));
  return values;
}

// Weights whose positive values add up to less than 2^15.
std::vector<int16_t> filter_weights(int count, int taps) {
  std::vector<int16_t> weights(count * taps);
  for (int16_t& weight : weights) weight = static_cast<int16_t>(between(-8000, 32000) / taps);
  return weights;
}

double level_of_products(double sum) { return std::min(255.0, std::max(0.0, std::floor((sum + 32) / 64))); }

double rounded_product(int value, int weight) { return std::floor((value * weight + (1 << 14)) / double(1 << 15)); }

void fuzz_filter_rows(int count, int taps) {
  const Window at{1, count, 1, 0, taps, 0, 0, 0, 1, count};
  const std::vector<int16_t> ring = levels_with_fractions(taps * count);
  const std::vector<int16_t> weights = filter_weights(1, taps);
  const int first = between(0, taps - 1);
  std::vector<int16_t> y(count);
  lcdnn_filter_rows(ring.data(), weights.data(), y.data(), count, taps, first);
  for (int i = 0; i < count; ++i) {
    double sum = 0;
    for (int j = 0; j < taps; ++j) sum += rounded_product(ring[(first + j) % taps * count + i], weights[j]);
    const double want = 128 * level_of_products(sum);
    expect(y[i] == want, "filter_rows", at, i, y[i], want);
  }
}

void fuzz_filter_columns(int count, int taps) {
  const int channels = coin() ? 1 : 3;
  const int depth = channels == 1 ? 1 : 4;
  const Window at{1, count, channels, 0, taps, 0, 0, 0, 1, count};
  const int length = taps + between(0, 9);
  const std::vector<int16_t> x = levels_with_fractions(length * depth);
  const std::vector<int16_t> weights = filter_weights(count, taps);
  std::vector<int32_t> first(count);
  for (int32_t& start : first) start = between(0, length - taps);
  Bits y(count * channels);
  lcdnn_filter_columns(x.data(), weights.data(), first.data(), y.data(), channels, count, taps);
  for (int i = 0; i < count * channels; ++i) {
    const int pixel = i / channels;
    double sum = 0;
    for (int j = 0; j < taps; ++j) {
      sum += rounded_product(x[(first[pixel] + j) * depth + i % channels], weights[pixel * taps + j]);
    }
    const double want = level_of_products(sum);
    expect(y[i] == want, "filter_columns", at, i, y[i], want);
  }
}

void fuzz_softmax(int classes) {
  const Window at{1, 1, classes, classes, 0, 0, 0, 0, 0, 0};
  const float spread = std::pow(10.0f, static_cast<float>(between(-4, 4)));
  Floats logits = floats(classes);
  for (float& logit : logits) logit *= spread;
  Floats probabilities(classes);
  const float entropy = lcdnn_softmax_entropy(logits.data(), probabilities.data(), classes);
  const std::vector<double> want = reference::softmax_entropy(logits);
  const auto near = [](double got, double truth) { return std::fabs(got - truth) <= truth * 2 / (1 << 23) + 1e-37; };
  for (int i = 0; i < classes; ++i) expect(near(probabilities[i], want[i]), "softmax", at, i, probabilities[i], want[i]);
  expect(entropy >= 0 && entropy <= 1, "entropy in [0, 1]", at, 0, entropy, want[classes]);
  // The reference's -p ln p cancels near one-hot: it is good to 1e-15 there, not to 2 units in the last place.
  expect(std::fabs(entropy - want[classes]) <= want[classes] * 2 / (1 << 23) + 1e-15, "entropy", at, 0, entropy,
         want[classes]);
}

}  // namespace

int main() {
  for (int round = 0; round < 300; ++round) {
    fuzz_conv2d(random_window(5, 40));
    fuzz_input_scale(random_window(20, 1));
    fuzz_binary_conv2d(random_window(70, 150));
    fuzz_conv2d(hostile_window(5, 40));
    fuzz_input_scale(hostile_window(20, 1));
    fuzz_binary_conv2d(hostile_window(70, 150));
    fuzz_depthwise_conv2d(hostile_window(40, 1));
    fuzz_depthwise_conv2d_levels(hostile_window(40, 1));
    fuzz_binary_dense(between(1, 600), between(1, 150));
    fuzz_depthwise_conv2d(random_window(40, 1));
    fuzz_conv2d_levels(random_window(20, 20));
    fuzz_conv2d_levels({0, 0, between(1000, 1040), between(1, 20), 1, 1, 0, 0, between(1, 3), between(1, 6)});
    fuzz_depthwise_conv2d_levels(random_window(40, 1));
    fuzz_levels(between(1, 60));
    fuzz_pad_levels(between(1, 6), between(1, 6), between(1, 9));
    fuzz_max_pool(random_window(40, 1));
    fuzz_average_pool(between(1, 40));
    fuzz_shortcut(between(1, 40), between(1, 7), between(1, 4));
    fuzz_pointwise(between(1, 40), between(1, 7), between(1, 4));
    fuzz_dense(between(1, 100), between(1, 20));
    fuzz_softmax(between(1, 200));
    fuzz_shrink_rgba(between(1, 40), between(1, 9), between(1, 9));
    fuzz_filter_rows(32 * between(1, 3), between(1, 15));
    fuzz_filter_columns(between(1, 12), between(1, 27));
  }
  // Windows longer than a block, and than bytes count.
  fuzz_binary_dense(20000, 3);
  fuzz_binary_dense(8192, 65);
  fuzz_binary_dense(8193, 65);
  fuzz_binary_conv2d({5, 4, 1100, 17, 3, 1, 1, 1, 5, 4});
  return 0;
}
