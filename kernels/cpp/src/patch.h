// The bits that a window of a binary convolution sees, gathered side by side in the order of a filter's weights.
#ifndef LCDNN_PATCH_H
#define LCDNN_PATCH_H

#include "window.h"

namespace lcdnn {

// Copies forward, eight bytes at a time; the last eight overlap the ones before them.
inline void copy_bytes(uint8_t* to, const uint8_t* from, int32_t count) {
  typedef uint64_t Unaligned __attribute__((aligned(1), may_alias));
  int32_t i = 0;
  for (; i < count && count >= 8; i += 8) {
    if (i + 8 > count) i = count - 8;
    *reinterpret_cast<Unaligned*>(to + i) = *reinterpret_cast<const Unaligned*>(from + i);
  }
  for (; i < count; ++i) to[i] = from[i];
}

struct BinaryInput {
  const uint8_t* x;
  int32_t pixel_bytes;
  uint8_t last_byte;  // of a pixel of +1s: the bits that fill it stay 0

  // Bytes [from, to) of the patch whose first tap is at (top, left).
  void gather(const Geometry& at, uint8_t* patch, int32_t top, int32_t left, int32_t from, int32_t to) const {
    const int32_t row_bytes = at.kernel * pixel_bytes;
    const TapRange columns = at.columns_inside(left);
    for (int32_t tap_row = from / row_bytes; tap_row * row_bytes < to; ++tap_row) {
      const bool inside = top + tap_row >= 0 && top + tap_row < at.height;
      const int32_t row = tap_row * row_bytes;
      const int32_t begin = row + (inside ? columns.begin : at.kernel) * pixel_bytes;
      const int32_t end = row + (inside ? columns.end : at.kernel) * pixel_bytes;
      fill_ones(patch - from, clamp(row, from, to), clamp(begin, from, to));
      const int32_t first = clamp(begin, from, to);
      copy_bytes(patch + first - from, x + ((top + tap_row) * at.width + left) * pixel_bytes + first - row,
                 clamp(end, from, to) - first);
      fill_ones(patch - from, clamp(end, from, to), clamp(row + row_bytes, from, to));
    }
  }

 private:
  void fill_ones(uint8_t* patch, int32_t from, int32_t to) const {
    for (int32_t i = from; i < to; ++i) patch[i] = i % pixel_bytes == pixel_bytes - 1 ? last_byte : 0xff;
  }
};

}  // namespace lcdnn
#endif
