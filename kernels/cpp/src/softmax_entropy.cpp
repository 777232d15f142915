// Softmax and the normalised entropy of Eq. 7, in double precision: even a thousand classes cost nothing compared with the
// layers, and results are right to about the last bit of a float. The series are ours, so that no C library is linked in.
#include "lcdnn.h"

namespace {

// e^-d for d >= 0; relative error below 1e-11. Cody-Waite reduction to |r| <= ln 2 / 2, then Taylor's series.
double exp_minus(double d) {
  if (d > 700) return 0;
  const double n = __builtin_floor(d * 1.4426950408889634 + 0.5);
  const double r = (n * 0.693147180369123816490 - d) + n * 1.90821492927058770002e-10;
  double series = 1;
  for (int i = 11; i > 0; --i) series = 1 + series * r / i;
  const union {
    uint64_t bits;
    double value;
  } power{static_cast<uint64_t>(1023 - static_cast<int64_t>(n)) << 52};
  return series * power.value;
}

// ln(1 + r) for r >= 0; relative error below 1e-11, also for tiny r. Halving until |r| < 1/2, then the series of 2 artanh.
double log1p(double r) {
  double twos = 0;
  for (; r > 0.5; r = (r - 1) / 2) twos += 0.693147180559945309;
  const double s = r / (2 + r);
  double series = 0;
  for (int i = 21; i > 0; i -= 2) series = series * s * s + 1.0 / i;
  return twos + 2 * s * series;
}

}  // namespace

// With d_i = max - logit_i and r = the sum of e^-d_i over all but one maximum, the entropy is
// ln(1 + r) + sum d_i p_i: two terms >= 0, so that nothing cancels and nothing overflows.
extern "C" float lcdnn_softmax_entropy(const float* logits, float* probabilities, int32_t classes) {
  int32_t top = 0;
  for (int32_t i = 1; i < classes; ++i) {
    if (logits[i] > logits[top]) top = i;
  }
  const double most = logits[top];
  double rest = 0;
  double weighted = 0;
  for (int32_t i = 0; i < classes; ++i) {
    if (i == top) continue;
    const double d = most - logits[i];
    const double e = exp_minus(d);
    rest += e;
    weighted += e * d;
  }
  const double total = 1 + rest;
  for (int32_t i = 0; i < classes; ++i) probabilities[i] = static_cast<float>(exp_minus(most - logits[i]) / total);
  if (classes < 2) return 0;
  const double entropy = (log1p(rest) + weighted / total) / log1p(classes - 1);
  return entropy < 1 ? static_cast<float>(entropy) : 1.0f;
}
