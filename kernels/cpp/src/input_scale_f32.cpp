#include "affine_prelu.h"
#include "lcdnn.h"
#include "window.h"

extern "C" void lcdnn_input_scale_f32(const float* x, const float* scale, const float* shift, float* k, int32_t height,
                                      int32_t width, int32_t channels, int32_t kernel, int32_t stride, int32_t pad_top,
                                      int32_t pad_left, int32_t out_height, int32_t out_width) {
  using namespace lcdnn;
  const Geometry at{height, width, channels, 1, kernel, stride, pad_top, pad_left, out_height, out_width};
  const AffinePrelu affine{scale, shift, nullptr};
  const float divisor = static_cast<float>(at.taps() * at.channels);
  at.each_output([&](int32_t top, int32_t left, TapRange rows, TapRange columns) {
    Lanes sum = Lanes::splat(0);
    float rest = 0;
    for (int32_t row = rows.begin; row < rows.end; ++row) {
      for (int32_t column = columns.begin; column < columns.end; ++column) {
        const float* pixel = x + at.pixel(top + row, left + column);
        int32_t channel = 0;
        for (; channel + Lanes::kCount <= at.channels; channel += Lanes::kCount) {
          sum = sum + abs(affine(Lanes::load(pixel + channel), channel));
        }
        for (; channel < at.channels; ++channel) rest += abs(affine(F32x1::load(pixel + channel), channel)).v;
      }
    }
    *k++ = (sum.sum() + rest) / divisor;
  });
}
