#include "affine_prelu.h"
#include "lcdnn.h"
#include "window.h"

extern "C" void lcdnn_input_scale_f32(const float* x, const float* scale, const float* shift, float* k, int32_t h,
                                      int32_t w, int32_t c, int32_t kernel, int32_t stride, int32_t pad_top,
                                      int32_t pad_left, int32_t oh, int32_t ow) {
  using namespace lcdnn;
  const AffinePrelu affine{scale, shift, nullptr};
  const float divisor = static_cast<float>(kernel * kernel * c);
  for (int32_t oy = 0; oy < oh; ++oy) {
    const int32_t top = oy * stride - pad_top;
    const TapRange rows = taps_inside(top, kernel, h);
    for (int32_t ox = 0; ox < ow; ++ox) {
      const int32_t left = ox * stride - pad_left;
      const TapRange columns = taps_inside(left, kernel, w);
      Lanes sum = Lanes::splat(0);
      float rest = 0;
      for (int32_t ky = rows.begin; ky < rows.end; ++ky) {
        for (int32_t kx = columns.begin; kx < columns.end; ++kx) {
          const float* pixel = x + ((top + ky) * w + left + kx) * c;
          int32_t channel = 0;
          for (; channel + Lanes::kCount <= c; channel += Lanes::kCount) {
            sum = sum + abs(affine(Lanes::load(pixel + channel), channel));
          }
          for (; channel < c; ++channel) rest += abs(affine(F32x1::load(pixel + channel), channel)).v;
        }
      }
      *k++ = (sum.sum() + rest) / divisor;
    }
  }
}
