// Binary layers: gather the bits of a window, count where they differ from the weights, and finish in float.
#include "affine_prelu.h"
#include "lcdnn.h"
#include "patch.h"

#ifdef LCDNN_SIMD128
#include "binary_tile_simd128.h"
using Tile = lcdnn::BinaryTileSimd128;
#else
#include "binary_tile_scalar.h"
using Tile = lcdnn::BinaryTileScalar;
#endif

namespace {

using lcdnn::AffinePrelu;
using lcdnn::BinaryInput;
using lcdnn::F32x1;

// Longer patches are counted in blocks, so that windows of any size need only a small stack.
constexpr int32_t kBlock = 1024;

struct BinaryConv2d {
  BinaryInput input;
  const uint8_t* w;
  const float* k;
  AffinePrelu affine;
  float* y;
  int32_t filters;
  int32_t stride;
  int32_t pad_top;
  int32_t pad_left;
  int32_t ow;
  int32_t taps_bits;  // of a window, without the bits that fill bytes

  // Outputs of the tile of filters that begins with `first` for `Pixels` pixels, counted along the rows of the output.
  template <int Pixels>
  void tile(int32_t pixel, int32_t first) const {
    const int32_t row_bytes = input.kernel * input.kernel * input.pixel_bytes;
    alignas(16) int32_t differing[Pixels][Tile::kMaxFilters] = {};
    alignas(16) uint8_t patch[Pixels][kBlock];
    for (int32_t from = 0; from < row_bytes; from += kBlock) {
      const int32_t to = row_bytes - from < kBlock ? row_bytes : from + kBlock;
      for (int p = 0; p < Pixels; ++p) {
        const int32_t oy = (pixel + p) / ow;
        const int32_t ox = (pixel + p) % ow;
        input.gather(patch[p], oy * stride - pad_top, ox * stride - pad_left, from, to);
        for (int32_t i = to - from; i % 8 != 0; ++i) patch[p][i] = 0;
      }
      Tile::count_differing(patch, w, filters, row_bytes, first, from, to - from, differing);
    }
    for (int p = 0; p < Pixels; ++p) finish(differing[p], pixel + p, first);
  }

  void finish(const int32_t* differing, int32_t pixel, int32_t first) const {
    const float scale = k ? k[pixel] : 1;
    float* to = y + pixel * filters + first;
    const int32_t tile_filters = Tile::filters_at(filters, first);
    const int32_t count = filters - first < tile_filters ? filters - first : tile_filters;
    const float bits = static_cast<float>(taps_bits);
    lcdnn::for_lanes(count, [=, this](auto lanes, int32_t i) {
      using L = decltype(lanes);
      const L sum = L::splat(bits) + L::splat(-2) * L::convert(differing + i);
      affine(sum * L::splat(scale), first + i).store(to + i);
    });
  }
};

}  // namespace

extern "C" {

int32_t lcdnn_prepared_binary_bytes(int32_t rows, int32_t row_bytes) { return Tile::prepared_bytes(rows, row_bytes); }

void lcdnn_prepare_binary_weights(const uint8_t* travelled, uint8_t* prepared, int32_t rows, int32_t row_bytes) {
  const int32_t bytes = Tile::prepared_bytes(rows, row_bytes);
  for (int32_t i = 0; i < bytes; ++i) prepared[i] = 0;
  for (int32_t first = 0; first < rows; first += Tile::filters_at(rows, first)) {
    for (int32_t lane = 0; lane < Tile::filters_at(rows, first) && first + lane < rows; ++lane) {
      for (int32_t byte = 0; byte < row_bytes; ++byte) {
        prepared[Tile::place(rows, row_bytes, first, lane, byte)] = *travelled++;
      }
    }
  }
}

void lcdnn_binary_conv2d(const uint8_t* x, const uint8_t* w, const float* k, const float* scale, const float* shift,
                         const float* slope, float* y, int32_t h, int32_t w_in, int32_t c, int32_t filters,
                         int32_t kernel, int32_t stride, int32_t pad_top, int32_t pad_left, int32_t oh, int32_t ow) {
  const uint8_t last_byte = static_cast<uint8_t>(0xff >> (-c & 7));
  const BinaryConv2d conv{{x, h, w_in, (c + 7) / 8, last_byte, kernel},
                          w,
                          k,
                          {scale, shift, slope},
                          y,
                          filters,
                          stride,
                          pad_top,
                          pad_left,
                          ow,
                          kernel * kernel * c};
  // A tile's weights stay in the nearest cache while all pixels pass by.
  for (int32_t first = 0; first < filters; first += Tile::filters_at(filters, first)) {
    int32_t pixel = 0;
    for (; pixel + Tile::kPixels <= oh * ow; pixel += Tile::kPixels) conv.tile<Tile::kPixels>(pixel, first);
    for (; pixel < oh * ow; ++pixel) conv.tile<1>(pixel, first);
  }
}

// One window that is the whole input.
void lcdnn_binary_dense(const uint8_t* x, const uint8_t* w, const float* k, const float* scale, const float* shift,
                        const float* slope, float* y, int32_t inputs, int32_t units) {
  lcdnn_binary_conv2d(x, w, k, scale, shift, slope, y, 1, 1, inputs, units, 1, 1, 0, 0, 1, 1);
}

}  // extern "C"
