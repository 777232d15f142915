// Binary layers by gathering: the bits that a window sees are copied side by side and compared with a tile of filters.
#ifndef LCDNN_BINARY_PATCHES_H
#define LCDNN_BINARY_PATCHES_H

#include "binary_epilogue.h"
#include "patch.h"

#ifdef LCDNN_SIMD128
#include "binary_tile_simd128.h"
#else
#include "binary_tile_scalar.h"
#endif

namespace lcdnn {

#ifdef LCDNN_SIMD128
using Tile = BinaryTileSimd128;
#else
using Tile = BinaryTileScalar;
#endif

inline int32_t prepared_patch_bytes(int32_t rows, int32_t row_bytes) { return Tile::prepared_bytes(rows, row_bytes); }

inline void prepare_patches(const uint8_t* downloaded, uint8_t* prepared, int32_t rows, int32_t row_bytes) {
  for (int32_t i = 0; i < Tile::prepared_bytes(rows, row_bytes); ++i) prepared[i] = 0;
  for (int32_t first = 0; first < rows; first += Tile::filters_at(rows, first)) {
    for (int32_t lane = 0; lane < Tile::filters_at(rows, first) && first + lane < rows; ++lane) {
      for (int32_t byte = 0; byte < row_bytes; ++byte) {
        prepared[Tile::place(rows, row_bytes, first, lane, byte)] = *downloaded++;
      }
    }
  }
}

struct BinaryPatches {
  BinaryInput input;
  Geometry at;

  void convolve(const uint8_t* prepared, const BinaryEpilogue& finish) const {
    // A tile's weights stay in the nearest cache while all pixels pass by.
    for (int32_t first = 0; first < at.filters; first += Tile::filters_at(at.filters, first)) {
      for (int32_t pixel = 0; pixel < at.out_height * at.out_width; ++pixel) tile(prepared, finish, pixel, first);
    }
  }

 private:
  // Longer patches are counted in blocks, so that windows of any size need only a small stack.
  static constexpr int32_t kBlock = 1024;

  // Values of the tile of filters that begins with `first` at one pixel.
  void tile(const uint8_t* prepared, const BinaryEpilogue& finish, int32_t pixel, int32_t first) const {
    const int32_t row_bytes = at.taps() * input.pixel_bytes;
    const int32_t top = at.top(pixel / at.out_width);
    const int32_t left = at.left(pixel % at.out_width);
    alignas(16) int32_t differing[Tile::kMaxFilters];
    alignas(16) uint8_t patch[kBlock];
    for (int32_t& count : differing) count = 0;  // an initialiser would become a call of memset
    for (int32_t from = 0; from < row_bytes; from += kBlock) {
      const int32_t to = row_bytes - from < kBlock ? row_bytes : from + kBlock;
      input.gather(at, patch, top, left, from, to);
      for (int32_t i = to - from; i % 8 != 0; ++i) patch[i] = 0;
      Tile::count_differing(patch, prepared, at.filters, row_bytes, first, from, to - from, differing);
    }
    const int32_t filters = at.filters - first;
    const int32_t most = Tile::filters_at(at.filters, first);
    finish(differing, pixel, first, filters < most ? filters : most);
  }
};

}  // namespace lcdnn
#endif
