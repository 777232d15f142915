// Float convolution of every channel by itself.
#include "lanes.h"
#include "lcdnn.h"
#include "window.h"

extern "C" void lcdnn_depthwise_conv2d_f32(const float* x, const float* w, float* y, int32_t height, int32_t width,
                                           int32_t channels, int32_t kernel, int32_t stride, int32_t pad_top,
                                           int32_t pad_left, int32_t out_height, int32_t out_width) {
  using namespace lcdnn;
  const Geometry at{height, width, channels, channels, kernel, stride, pad_top, pad_left, out_height, out_width};
  at.each_output([&](int32_t top, int32_t left, TapRange rows, TapRange columns) {
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
      sum.store(y + channel);
    });
    y += at.channels;
  });
}
