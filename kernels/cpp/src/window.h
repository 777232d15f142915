// The geometry of a window that slides over an image, and which of its taps lie inside the image.
#ifndef LCDNN_WINDOW_H
#define LCDNN_WINDOW_H

#include <stdint.h>

namespace lcdnn {

// Taps [begin, end) of a row or column of a window. An empty range has begin == end.
struct TapRange {
  int32_t begin;
  int32_t end;

  int32_t count() const { return end - begin; }
};

inline int32_t clamp(int32_t value, int32_t low, int32_t high) {
  return value < low ? low : value > high ? high : value;
}

// The taps inside [0, size) of a row or column of `kernel` taps whose first is at `at`, which may be negative.
inline TapRange taps_inside(int32_t at, int32_t kernel, int32_t size) {
  const int32_t begin = clamp(-at, 0, kernel);
  return {begin, clamp(size - at, begin, kernel)};
}

// Names and order as in lcdnn.h. Windows that keep the channels apart, such as pools, have as many filters as channels.
struct Geometry {
  int32_t height;
  int32_t width;
  int32_t channels;
  int32_t filters;
  int32_t kernel;
  int32_t stride;
  int32_t pad_top;
  int32_t pad_left;
  int32_t out_height;
  int32_t out_width;

  int32_t taps() const { return kernel * kernel; }

  // A 1x1 convolution of every pixel. Its image may as well be one long row, in which whole tiles fit better.
  bool is_pointwise() const { return kernel == 1 && stride == 1 && out_height == height && out_width == width; }
  Geometry as_one_row() const {
    return {1, height * width, channels, filters, 1, 1, 0, 0, 1, out_height * out_width};
  }

  // The first row or column of the image that an output's window covers; negative in the padding.
  int32_t top(int32_t out_row) const { return out_row * stride - pad_top; }
  int32_t left(int32_t out_column) const { return out_column * stride - pad_left; }

  // The outputs of a row for which every column of the window is inside the image.
  TapRange outputs_inside() const {
    const int32_t begin = clamp((pad_left + stride - 1) / stride, 0, out_width);
    const int32_t room = width + pad_left - kernel;
    return {begin, clamp(room < 0 ? 0 : room / stride + 1, begin, out_width)};
  }

  TapRange rows_inside(int32_t top) const { return taps_inside(top, kernel, height); }
  TapRange columns_inside(int32_t left) const { return taps_inside(left, kernel, width); }

  // Index of the first value of a pixel of the image.
  int32_t pixel(int32_t row, int32_t column) const { return (row * width + column) * channels; }

  // Calls visit(top, left, rows, columns) for every output in order: where its window begins, and its taps inside.
  template <class Visit>
  void each_output(const Visit& visit) const {
    for (int32_t out_row = 0; out_row < out_height; ++out_row) {
      const TapRange rows = rows_inside(top(out_row));
      for (int32_t out_column = 0; out_column < out_width; ++out_column) {
        visit(top(out_row), left(out_column), rows, columns_inside(left(out_column)));
      }
    }
  }
};

}  // namespace lcdnn
#endif
