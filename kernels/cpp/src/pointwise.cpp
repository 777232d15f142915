// Kernels that look at each value, or each small window, once.
#include "affine_prelu.h"
#include "lcdnn.h"
#include "window.h"

namespace {

using lcdnn::AffinePrelu;
using lcdnn::F32x1;
using lcdnn::for_lanes;
using lcdnn::TapRange;
using lcdnn::taps_inside;

// Bit i of the result is x[i] * scale + shift >= 0 for the first `count` <= 8 values from `channel` on, wrapping round.
uint32_t sign_byte(const float* x, const AffinePrelu& affine, int32_t channel, int32_t channels, int32_t count) {
  uint32_t byte = 0;
  for (int32_t i = 0; i < count;) {
#ifdef LCDNN_SIMD128
    if (i + 4 <= count && channel + 4 <= channels) {
      byte |= not_negative_bits(affine(lcdnn::F32x4::load(x + i), channel)) << i;
      i += 4;
      channel += 4;
      if (channel == channels) channel = 0;
      continue;
    }
#endif
    byte |= static_cast<uint32_t>(affine(F32x1::load(x + i), channel).v >= 0) << i;
    ++i;
    if (++channel == channels) channel = 0;
  }
  return byte;
}

}  // namespace

extern "C" {

void lcdnn_sign_pack(const float* x, const float* scale, const float* shift, uint8_t* bits, int32_t count,
                     int32_t channels, int32_t row) {
  const AffinePrelu affine{scale, shift, nullptr};
  for (int32_t first = 0; first < count; first += row) {
    int32_t channel = 0;
    for (int32_t i = 0; i < row; i += 8) {
#ifdef LCDNN_SIMD128
      for (; i + 16 <= row && channel + 16 <= channels; i += 16) {
        const auto value = [&](int32_t lane) {
          return affine(lcdnn::F32x4::load(x + first + i + lane), channel + lane);
        };
        const uint32_t sixteen = not_negative_bits(value(0), value(4), value(8), value(12));
        *bits++ = static_cast<uint8_t>(sixteen);
        *bits++ = static_cast<uint8_t>(sixteen >> 8);
        channel += 16;
        if (channel == channels) channel = 0;
      }
      if (i >= row) break;
#endif
      *bits++ = static_cast<uint8_t>(sign_byte(x + first + i, affine, channel, channels, row - i < 8 ? row - i : 8));
      for (channel += 8; channel >= channels;) channel -= channels;
    }
  }
}

void lcdnn_affine_prelu_f32(const float* x, const float* scale, const float* shift, const float* slope, float* y,
                            int32_t count, int32_t channels) {
  const AffinePrelu affine{scale, shift, slope};
  for (int32_t first = 0; first < count; first += channels) {
    for_lanes(channels, [=](auto lanes, int32_t channel) {
      using L = decltype(lanes);
      affine(L::load(x + first + channel), channel).store(y + first + channel);
    });
  }
}

void lcdnn_max_pool_f32(const float* x, float* y, int32_t h, int32_t w_in, int32_t c, int32_t kernel, int32_t stride,
                        int32_t pad_top, int32_t pad_left, int32_t oh, int32_t ow) {
  for (int32_t oy = 0; oy < oh; ++oy) {
    const int32_t top = oy * stride - pad_top;
    const TapRange rows = taps_inside(top, kernel, h);
    for (int32_t ox = 0; ox < ow; ++ox, y += c) {
      const int32_t left = ox * stride - pad_left;
      const TapRange columns = taps_inside(left, kernel, w_in);
      for_lanes(c, [=](auto lanes, int32_t channel) {
        using L = decltype(lanes);
        L most = L::splat(-__builtin_inff());
        for (int32_t ky = rows.begin; ky < rows.end; ++ky) {
          const float* tap = x + ((top + ky) * w_in + left + columns.begin) * c + channel;
          for (int32_t kx = columns.begin; kx < columns.end; ++kx, tap += c) most = greater_of(most, L::load(tap));
        }
        most.store(y + channel);
      });
    }
  }
}

void lcdnn_depthwise_conv2d_f32(const float* x, const float* w, float* y, int32_t h, int32_t w_in, int32_t c,
                                int32_t kernel, int32_t stride, int32_t pad_top, int32_t pad_left, int32_t oh,
                                int32_t ow) {
  for (int32_t oy = 0; oy < oh; ++oy) {
    const int32_t top = oy * stride - pad_top;
    const TapRange rows = taps_inside(top, kernel, h);
    for (int32_t ox = 0; ox < ow; ++ox, y += c) {
      const int32_t left = ox * stride - pad_left;
      const TapRange columns = taps_inside(left, kernel, w_in);
      for_lanes(c, [=](auto lanes, int32_t channel) {
        using L = decltype(lanes);
        L sum = L::splat(0);
        for (int32_t ky = rows.begin; ky < rows.end; ++ky) {
          const float* tap = x + ((top + ky) * w_in + left + columns.begin) * c + channel;
          const float* weight = w + (ky * kernel + columns.begin) * c + channel;
          for (int32_t kx = columns.begin; kx < columns.end; ++kx, tap += c, weight += c) {
            sum = sum + L::load(tap) * L::load(weight);
          }
        }
        sum.store(y + channel);
      });
    }
  }
}

void lcdnn_average_pool_f32(const float* x, float* y, int32_t w_in, int32_t c, int32_t rows, int32_t columns,
                            int32_t oh, int32_t ow) {
  const float share = 1.0f / static_cast<float>(rows * columns);
  for (int32_t oy = 0; oy < oh; ++oy) {
    for (int32_t ox = 0; ox < ow; ++ox, y += c) {
      const float* window = x + (oy * rows * w_in + ox * columns) * c;
      for_lanes(c, [=](auto lanes, int32_t channel) {
        using L = decltype(lanes);
        L sum = L::splat(0);
        for (int32_t row = 0; row < rows; ++row) {
          const float* value = window + row * w_in * c + channel;
          for (int32_t column = 0; column < columns; ++column, value += c) sum = sum + L::load(value);
        }
        (sum * L::splat(share)).store(y + channel);
      });
    }
  }
}

void lcdnn_repeat_channels_f32(const float* x, float* y, int32_t places, int32_t c, int32_t times) {
  for (int32_t place = 0; place < places; ++place, x += c) {
    for (int32_t time = 0; time < times; ++time, y += c) {
      for_lanes(c, [=](auto lanes, int32_t channel) {
        using L = decltype(lanes);
        L::load(x + channel).store(y + channel);
      });
    }
  }
}

void lcdnn_add_f32(const float* a, const float* b, float* y, int32_t count) {
  for_lanes(count, [=](auto lanes, int32_t i) {
    using L = decltype(lanes);
    (L::load(a + i) + L::load(b + i)).store(y + i);
  });
}

void lcdnn_minimum_f32(const float* x, const float* most, float* y, int32_t count) {
  for_lanes(count, [=](auto lanes, int32_t i) {
    using L = decltype(lanes);
    lesser_of(L::splat(*most), L::load(x + i)).store(y + i);
  });
}

}  // extern "C"
