#include "lanes.h"
#include "lcdnn.h"

namespace {

using lcdnn::Lanes;

// Dot products of x with `Units` consecutive rows of weights; several at once hide the latency of the additions.
template <int Units>
void dense_rows(const float* x, const float* w, const float* bias, float* y, int32_t inputs) {
  Lanes sums[Units];
  for (int u = 0; u < Units; ++u) sums[u] = Lanes::splat(0);
  int32_t i = 0;
  for (; i + Lanes::kCount <= inputs; i += Lanes::kCount) {
    const Lanes value = Lanes::load(x + i);
    for (int u = 0; u < Units; ++u) sums[u] = sums[u] + value * Lanes::load(w + u * inputs + i);
  }
  for (int u = 0; u < Units; ++u) {
    float sum = sums[u].sum();
    for (int32_t rest = i; rest < inputs; ++rest) sum += x[rest] * w[u * inputs + rest];
    y[u] = sum + bias[u];
  }
}

}  // namespace

extern "C" void lcdnn_dense_f32(const float* x, const float* w, const float* bias, float* y, int32_t inputs,
                                int32_t units) {
  int32_t unit = 0;
  for (; unit + 2 <= units; unit += 2) dense_rows<2>(x, w + unit * inputs, bias + unit, y + unit, inputs);
  if (unit < units) dense_rows<1>(x, w + unit * inputs, bias + unit, y + unit, inputs);
}
