// Kernels that look at small windows of every channel by itself.
#include "lanes.h"
#include "lcdnn.h"
#include "window.h"

using lcdnn::for_lanes;
using lcdnn::Geometry;
using lcdnn::TapRange;

extern "C" {

void lcdnn_max_pool_f32(const float* x, float* y, int32_t height, int32_t width, int32_t channels, int32_t kernel,
                        int32_t stride, int32_t pad_top, int32_t pad_left, int32_t out_height, int32_t out_width) {
  const Geometry at{height, width, channels, channels, kernel, stride, pad_top, pad_left, out_height, out_width};
  at.each_output([&](int32_t top, int32_t left, TapRange rows, TapRange columns) {
    for_lanes(at.channels, [&](auto lanes, int32_t channel) {
      using L = decltype(lanes);
      L most = L::splat(-__builtin_inff());
      for (int32_t row = rows.begin; row < rows.end; ++row) {
        const float* tap = x + at.pixel(top + row, left + columns.begin) + channel;
        for (int32_t i = 0; i < columns.count(); ++i, tap += at.channels) most = greater_of(most, L::load(tap));
      }
      most.store(y + channel);
    });
    y += at.channels;
  });
}

void lcdnn_average_pool_f32(const float* x, float* y, int32_t width, int32_t channels, int32_t rows, int32_t columns,
                            int32_t out_height, int32_t out_width) {
  const float share = 1.0f / static_cast<float>(rows * columns);
  for (int32_t out_row = 0; out_row < out_height; ++out_row) {
    for (int32_t out_column = 0; out_column < out_width; ++out_column, y += channels) {
      const float* window = x + (out_row * rows * width + out_column * columns) * channels;
      for_lanes(channels, [=](auto lanes, int32_t channel) {
        using L = decltype(lanes);
        L sum = L::splat(0);
        for (int32_t row = 0; row < rows; ++row) {
          const float* value = window + row * width * channels + channel;
          for (int32_t column = 0; column < columns; ++column, value += channels) sum = sum + L::load(value);
        }
        (sum * L::splat(share)).store(y + channel);
      });
    }
  }
}

}  // extern "C"
