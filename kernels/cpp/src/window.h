// Where a convolution's window lies on its input: which of its taps are inside.
#ifndef LCDNN_WINDOW_H
#define LCDNN_WINDOW_H

#include <stdint.h>

namespace lcdnn {

// Taps [begin, end) of a window of `kernel` taps, whose first lies at `at` (may be negative), are inside [0, size).
// An empty range has begin == end, both within [0, kernel].
struct TapRange {
  int32_t begin;
  int32_t end;
};

inline int32_t clamp(int32_t value, int32_t low, int32_t high) {
  return value < low ? low : value > high ? high : value;
}

inline TapRange taps_inside(int32_t at, int32_t kernel, int32_t size) {
  const int32_t begin = clamp(-at, 0, kernel);
  return {begin, clamp(size - at, begin, kernel)};
}

}  // namespace lcdnn
#endif
