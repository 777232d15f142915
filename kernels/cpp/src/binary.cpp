// Binary layers: count the bits in which windows and weights differ, and finish in float.
#include "binary_patches.h"
#include "lcdnn.h"

#ifdef LCDNN_SIMD128
#include "binary_pairs_simd128.h"
#endif

using lcdnn::BinaryEpilogue;
using lcdnn::BinaryPatches;
using lcdnn::Geometry;

extern "C" {

int32_t lcdnn_prepared_binary_conv2d_bytes(int32_t filters, int32_t taps, int32_t channels) {
#ifdef LCDNN_SIMD128
  return lcdnn::BinaryPairs::prepared_bytes(filters, taps, channels);
#else
  return lcdnn::prepared_patch_bytes(filters, taps * ((channels + 7) / 8));
#endif
}

void lcdnn_prepare_binary_conv2d(const uint8_t* downloaded, uint8_t* prepared, int32_t filters, int32_t taps,
                                 int32_t channels) {
#ifdef LCDNN_SIMD128
  lcdnn::BinaryPairs::prepare(downloaded, prepared, filters, taps, channels);
#else
  lcdnn::prepare_patches(downloaded, prepared, filters, taps * ((channels + 7) / 8));
#endif
}

void lcdnn_binary_conv2d(const uint8_t* x, const uint8_t* w, const float* k, const float* scale, const float* shift,
                         const float* slope, const float* shortcut, float* y, [[maybe_unused]] uint8_t* scratch,
                         int32_t height, int32_t width, int32_t channels, int32_t filters, int32_t kernel,
                         int32_t stride, int32_t pad_top, int32_t pad_left, int32_t out_height, int32_t out_width) {
  const Geometry at{height, width, channels, filters, kernel, stride, pad_top, pad_left, out_height, out_width};
  const BinaryEpilogue finish{k, {scale, shift, slope}, shortcut, y, filters, at.taps() * channels};
#ifdef LCDNN_SIMD128
  lcdnn::BinaryPairs(x, scratch, at).convolve(w, finish);
#else
  const uint8_t last_byte = static_cast<uint8_t>(0xff >> (-channels & 7));
  BinaryPatches{{x, (channels + 7) / 8, last_byte}, at}.convolve(w, finish);
#endif
}

int32_t lcdnn_prepared_binary_dense_bytes(int32_t units, int32_t inputs) {
  return lcdnn::prepared_patch_bytes(units, (inputs + 7) / 8);
}

void lcdnn_prepare_binary_dense(const uint8_t* downloaded, uint8_t* prepared, int32_t units, int32_t inputs) {
  lcdnn::prepare_patches(downloaded, prepared, units, (inputs + 7) / 8);
}

// A convolution whose one window is the whole input.
void lcdnn_binary_dense(const uint8_t* x, const uint8_t* w, const float* k, const float* scale, const float* shift,
                        const float* slope, float* y, int32_t inputs, int32_t units) {
  const Geometry at{1, 1, inputs, units, 1, 1, 0, 0, 1, 1};
  const BinaryEpilogue finish{k, {scale, shift, slope}, nullptr, y, units, inputs};
  BinaryPatches{{x, (inputs + 7) / 8, 0xff}, at}.convolve(w, finish);
}

}  // extern "C"
