// What follows an accumulator: min(prelu(u * scale[f] + shift[f]), most), or a hard-swish of that affine map. Every step is
// rounded separately, so that all builds give the same bits.
#ifndef LCDNN_AFFINE_PRELU_H
#define LCDNN_AFFINE_PRELU_H

#include "lanes.h"

namespace lcdnn {

struct AffinePrelu {
  const float* scale;  // null: 1
  const float* shift;  // null: 0
  const float* slope;  // null: no PReLU
  const float* most = nullptr;  // null: no limit

  template <class L>
  L affine(L u, int32_t channel) const {
    if (scale) u = u * L::load(scale + channel);
    return shift ? u + L::load(shift + channel) : u;
  }

  template <class L>
  L prelu(L u, int32_t channel) const {
    return slope ? where_not_negative(u, u, u * L::load(slope + channel)) : u;
  }

  template <class L>
  L operator()(L u, int32_t channel) const {
    const L y = prelu(affine(u, channel), channel);
    return most ? lesser_of(L::splat(*most), y) : y;
  }
};

// u * (min(max(u + 3, 0), 6) / 6)
template <class L>
inline L hard_swish(L u) {
  const L gate = lesser_of(L::splat(6), greater_of(L::splat(0), u + L::splat(3)));
  return u * (gate * L::splat(1.0f / 6));
}

struct AffineHardSwish {
  AffinePrelu map;

  template <class L>
  L operator()(L u, int32_t channel) const {
    return hard_swish(map.affine(u, channel));
  }
};

}  // namespace lcdnn
#endif
