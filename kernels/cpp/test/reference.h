// The slow truth: every kernel as the header words it, one value and one bit at a time, float sums in double.
#ifndef LCDNN_TEST_REFERENCE_H
#define LCDNN_TEST_REFERENCE_H

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace reference {

using Floats = std::vector<float>;
using Bits = std::vector<uint8_t>;

// A sum, and the sum of its terms' magnitudes: what rounding errors are measured by.
struct Sum {
  double value = 0;
  double magnitude = 0;
  int terms = 0;

  void add(double term) {
    ++terms;
    value += term;
    magnitude += std::fabs(term);
  }
};

// A window's geometry, shared by all convolutions.
struct Window {
  int h, w, c, filters, kernel, stride, pad_top, pad_left, oh, ow;

  // Calls visit(ky, kx, iy, ix, inside) for every tap of output (oy, ox).
  template <class Visit>
  void taps(int oy, int ox, Visit visit) const {
    for (int ky = 0; ky < kernel; ++ky) {
      for (int kx = 0; kx < kernel; ++kx) {
        const int iy = oy * stride - pad_top + ky;
        const int ix = ox * stride - pad_left + kx;
        visit(ky, kx, iy, ix, iy >= 0 && iy < h && ix >= 0 && ix < w);
      }
    }
  }

  // Calls visit(oy, ox, pixel) for every output.
  template <class Visit>
  void outputs(Visit visit) const {
    for (int pixel = 0; pixel < oh * ow; ++pixel) visit(pixel / ow, pixel % ow, pixel);
  }
};

inline float affine(float u, const Floats& scale, const Floats& shift, int channel) {
  if (!scale.empty()) u = u * scale[channel];
  if (!shift.empty()) u = u + shift[channel];
  return u;
}

inline float prelu(float u, const Floats& slope, int channel) {
  return slope.empty() || u >= 0 ? u : u * slope[channel];
}

inline int sign_at(const uint8_t* row, int i) { return (row[i / 8] >> (i % 8) & 1) != 0 ? 1 : -1; }

inline std::vector<Sum> conv2d_f32(const Window& at, const Floats& x, const Floats& w, const Floats& bias) {
  std::vector<Sum> y(at.oh * at.ow * at.filters);
  at.outputs([&](int oy, int ox, int pixel) {
    for (int f = 0; f < at.filters; ++f) {
      Sum& sum = y[pixel * at.filters + f];
      if (!bias.empty()) sum.add(bias[f]);
      at.taps(oy, ox, [&](int ky, int kx, int iy, int ix, bool inside) {
        for (int i = 0; inside && i < at.c; ++i) {
          sum.add(double(x[(iy * at.w + ix) * at.c + i]) * w[((ky * at.kernel + kx) * at.c + i) * at.filters + f]);
        }
      });
    }
  });
  return y;
}

inline std::vector<Sum> depthwise_conv2d_f32(const Window& at, const Floats& x, const Floats& w) {
  std::vector<Sum> y(at.oh * at.ow * at.c);
  at.outputs([&](int oy, int ox, int pixel) {
    at.taps(oy, ox, [&](int ky, int kx, int iy, int ix, bool inside) {
      for (int i = 0; inside && i < at.c; ++i) {
        y[pixel * at.c + i].add(double(x[(iy * at.w + ix) * at.c + i]) * w[(ky * at.kernel + kx) * at.c + i]);
      }
    });
  });
  return y;
}

using Weights = std::vector<int8_t>;

// sum * scale + shift, each step rounded.
inline Floats hard_swish(const Floats& x) {
  Floats y(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const float gate = std::min(6.0f, std::max(0.0f, x[i] + 3.0f)) * (1.0f / 6);
    y[i] = x[i] * gate;
  }
  return y;
}

inline float finished_level(int32_t sum, float scale, float shift) {
  const float scaled = static_cast<float>(sum) * scale;
  return scaled + shift;
}

inline uint8_t level_of(float value) {
  const float clamped = std::min(127.0f, std::max(0.0f, value));
  return static_cast<uint8_t>(std::nearbyint(clamped));
}

inline Floats conv2d_levels(const Window& at, const Bits& x, const Weights& w, const Floats& scale,
                            const Floats& shift) {
  Floats y(at.oh * at.ow * at.filters);
  at.outputs([&](int oy, int ox, int pixel) {
    for (int f = 0; f < at.filters; ++f) {
      int32_t sum = 0;
      at.taps(oy, ox, [&](int ky, int kx, int iy, int ix, bool inside) {
        for (int i = 0; inside && i < at.c; ++i) {
          sum += x[(iy * at.w + ix) * at.c + i] * w[((ky * at.kernel + kx) * at.c + i) * at.filters + f];
        }
      });
      y[pixel * at.filters + f] = finished_level(sum, scale[f], shift[f]);
    }
  });
  return y;
}

inline Bits depthwise_conv2d_levels(const Window& at, const Bits& x, const Weights& w, const Floats& scale,
                                    const Floats& shift) {
  Bits y(at.oh * at.ow * at.c);
  at.outputs([&](int oy, int ox, int pixel) {
    for (int i = 0; i < at.c; ++i) {
      int32_t sum = 0;
      at.taps(oy, ox, [&](int ky, int kx, int iy, int ix, bool inside) {
        if (inside) sum += x[(iy * at.w + ix) * at.c + i] * w[(ky * at.kernel + kx) * at.c + i];
      });
      y[pixel * at.c + i] = level_of(finished_level(sum, scale[i], shift[i]));
    }
  });
  return y;
}

inline std::vector<Sum> average_pool_f32(const Floats& x, int w_in, int c, int rows, int columns, int oh, int ow) {
  std::vector<Sum> y(oh * ow * c);
  for (int iy = 0; iy < oh * rows; ++iy) {
    for (int ix = 0; ix < ow * columns; ++ix) {
      for (int i = 0; i < c; ++i) {
        y[(iy / rows * ow + ix / columns) * c + i].add(double(x[(iy * w_in + ix) * c + i]) / (rows * columns));
      }
    }
  }
  return y;
}

inline Floats max_pool_f32(const Window& at, const Floats& x) {
  Floats y(at.oh * at.ow * at.c);
  at.outputs([&](int oy, int ox, int pixel) {
    for (int i = 0; i < at.c; ++i) {
      float most = -std::numeric_limits<float>::infinity();
      at.taps(oy, ox, [&](int, int, int iy, int ix, bool inside) {
        if (inside) most = std::max(most, x[(iy * at.w + ix) * at.c + i]);
      });
      y[pixel * at.c + i] = most;
    }
  });
  return y;
}

inline Bits sign_pack(const Floats& x, const Floats& scale, const Floats& shift, int channels, int row) {
  const int row_bytes = (row + 7) / 8;
  Bits bits(x.size() / row * row_bytes);
  for (size_t i = 0; i < x.size(); ++i) {
    const int set = affine(x[i], scale, shift, i % channels) >= 0;
    bits[i / row * row_bytes + i % row / 8] |= set << i % row % 8;
  }
  return bits;
}

inline std::vector<Sum> input_scale_f32(const Window& at, const Floats& x, const Floats& scale, const Floats& shift) {
  std::vector<Sum> k(at.oh * at.ow);
  at.outputs([&](int oy, int ox, int pixel) {
    at.taps(oy, ox, [&](int, int, int iy, int ix, bool inside) {
      for (int i = 0; inside && i < at.c; ++i) {
        const float value = affine(x[(iy * at.w + ix) * at.c + i], scale, shift, i);
        k[pixel].add(std::fabs(value) / double(at.kernel * at.kernel * at.c));
      }
    });
  });
  return k;
}

inline Floats binary_conv2d(const Window& at, const Bits& x, const Bits& w, const Floats& k, const Floats& scale,
                            const Floats& shift, const Floats& slope, const Floats& shortcut = {}) {
  const int pixel_bytes = (at.c + 7) / 8;
  Floats y(at.oh * at.ow * at.filters);
  at.outputs([&](int oy, int ox, int pixel) {
    for (int f = 0; f < at.filters; ++f) {
      int sum = 0;
      at.taps(oy, ox, [&](int ky, int kx, int iy, int ix, bool inside) {
        const uint8_t* tap = &w[((f * at.kernel + ky) * at.kernel + kx) * pixel_bytes];
        for (int i = 0; i < at.c; ++i) {
          sum += sign_at(tap, i) * (inside ? sign_at(&x[(iy * at.w + ix) * pixel_bytes], i) : 1);
        }
      });
      float u = static_cast<float>(sum);
      if (!k.empty()) u *= k[pixel];
      u = affine(u, scale, shift, f);
      if (!shortcut.empty()) u += shortcut[pixel * at.filters + f];
      y[pixel * at.filters + f] = prelu(u, slope, f);
    }
  });
  return y;
}

inline Floats affine_prelu_f32(const Floats& x, const Floats& scale, const Floats& shift, const Floats& slope,
                               int channels) {
  Floats y(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const int channel = i % channels;
    y[i] = prelu(affine(x[i], scale, shift, channel), slope, channel);
  }
  return y;
}

// What follows the sums of a float convolution.
inline Floats finished(const Floats& x, const Floats& scale, const Floats& shift, const Floats& slope, const Floats& most,
                       int channels) {
  Floats y = affine_prelu_f32(x, scale, shift, slope, channels);
  for (float& value : y) {
    if (!most.empty() && !(value < most[0])) value = most[0];
  }
  return y;
}

inline std::vector<Sum> dense_f32(const Floats& x, const Floats& w, const Floats& bias) {
  std::vector<Sum> y(bias.size());
  for (size_t unit = 0; unit < y.size(); ++unit) {
    y[unit].add(bias[unit]);
    for (size_t i = 0; i < x.size(); ++i) y[unit].add(double(x[i]) * w[unit * x.size() + i]);
  }
  return y;
}

// Probabilities in double, and after them the entropy.
inline std::vector<double> softmax_entropy(const Floats& logits) {
  const double most = *std::max_element(logits.begin(), logits.end());
  double total = 0;
  for (float logit : logits) total += std::exp(logit - most);
  double entropy = 0;
  std::vector<double> result;
  for (float logit : logits) {
    const double p = std::exp(logit - most) / total;
    result.push_back(p);
    if (p > 0) entropy -= p * std::log(p);
  }
  result.push_back(logits.size() > 1 ? entropy / std::log(double(logits.size())) : 0);
  return result;
}

}  // namespace reference
#endif
