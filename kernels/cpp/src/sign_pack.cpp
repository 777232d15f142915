// Signs of floats as bits.
#include "affine_prelu.h"
#include "lcdnn.h"

namespace {

using lcdnn::AffinePrelu;
using lcdnn::F32x1;

// Bit i of the result is x[i] * scale + shift >= 0 for the first `count` <= 8 values from `channel` on, wrapping around.
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

extern "C" void lcdnn_sign_pack(const float* x, const float* scale, const float* shift, uint8_t* bits, int32_t count,
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
