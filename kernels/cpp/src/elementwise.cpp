// Kernels that read each value once.
#include "affine_prelu.h"
#include "lcdnn.h"

using lcdnn::AffinePrelu;
using lcdnn::for_lanes;
using lcdnn::hard_swish;

extern "C" {

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

void lcdnn_repeat_channels_f32(const float* x, float* y, int32_t pixels, int32_t channels, int32_t times) {
  for (int32_t pixel = 0; pixel < pixels; ++pixel, x += channels) {
    for (int32_t time = 0; time < times; ++time, y += channels) {
      for_lanes(channels, [=](auto lanes, int32_t channel) {
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

void lcdnn_hard_swish_f32(const float* x, float* y, int32_t count) {
  for_lanes(count, [=](auto lanes, int32_t i) {
    using L = decltype(lanes);
    hard_swish(L::load(x + i)).store(y + i);
  });
}

}  // extern "C"
