// Binary layers: count where a window's bits differ from the weights, and finish in float.
#include "binary_patches.h"
#include "lcdnn.h"

#ifdef LCDNN_SIMD128
#include "binary_pairs_simd128.h"
#endif

using lcdnn::BinaryEpilogue;
using lcdnn::BinaryPatches;

extern "C" {

#ifdef LCDNN_SIMD128

int32_t lcdnn_prepared_binary_conv2d_bytes(int32_t filters, int32_t taps, int32_t c) {
  return lcdnn::BinaryPairs::prepared_bytes(filters, taps, c);
}

void lcdnn_prepare_binary_conv2d(const uint8_t* travelled, uint8_t* prepared, int32_t filters, int32_t taps, int32_t c) {
  lcdnn::BinaryPairs::prepare(travelled, prepared, filters, taps, c);
}

void lcdnn_binary_conv2d(const uint8_t* x, const uint8_t* w, const float* k, const float* scale, const float* shift,
                         const float* slope, float* y, uint8_t* scratch, int32_t h, int32_t w_in, int32_t c,
                         int32_t filters, int32_t kernel, int32_t stride, int32_t pad_top, int32_t pad_left, int32_t oh,
                         int32_t ow) {
  lcdnn::BinaryPairs(x, scratch, h, w_in, c, kernel, stride, pad_top, pad_left, oh, ow)
      .convolve(w, {k, {scale, shift, slope}, y, filters, kernel * kernel * c});
}

#else

int32_t lcdnn_prepared_binary_conv2d_bytes(int32_t filters, int32_t taps, int32_t c) {
  return lcdnn::prepared_patch_bytes(filters, taps * ((c + 7) / 8));
}

void lcdnn_prepare_binary_conv2d(const uint8_t* travelled, uint8_t* prepared, int32_t filters, int32_t taps, int32_t c) {
  lcdnn::prepare_patches(travelled, prepared, filters, taps * ((c + 7) / 8));
}

void lcdnn_binary_conv2d(const uint8_t* x, const uint8_t* w, const float* k, const float* scale, const float* shift,
                         const float* slope, float* y, uint8_t*, int32_t h, int32_t w_in, int32_t c, int32_t filters,
                         int32_t kernel, int32_t stride, int32_t pad_top, int32_t pad_left, int32_t oh, int32_t ow) {
  const uint8_t last_byte = static_cast<uint8_t>(0xff >> (-c & 7));
  const BinaryPatches patches{{x, h, w_in, (c + 7) / 8, last_byte, kernel}, stride, pad_top, pad_left, oh, ow};
  patches.convolve(w, {k, {scale, shift, slope}, y, filters, kernel * kernel * c});
}

#endif

int32_t lcdnn_prepared_binary_dense_bytes(int32_t units, int32_t inputs) {
  return lcdnn::prepared_patch_bytes(units, (inputs + 7) / 8);
}

void lcdnn_prepare_binary_dense(const uint8_t* travelled, uint8_t* prepared, int32_t units, int32_t inputs) {
  lcdnn::prepare_patches(travelled, prepared, units, (inputs + 7) / 8);
}

// One window that is the whole input.
void lcdnn_binary_dense(const uint8_t* x, const uint8_t* w, const float* k, const float* scale, const float* shift,
                        const float* slope, float* y, int32_t inputs, int32_t units) {
  const BinaryPatches patch{{x, 1, 1, (inputs + 7) / 8, 0xff, 1}, 1, 0, 0, 1, 1};
  patch.convolve(w, {k, {scale, shift, slope}, y, units, inputs});
}

}  // extern "C"
