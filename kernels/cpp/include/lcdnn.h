// The kernels of lcdnn: the only contract between generated code and C++.
//
// Every function is plain C, works on memory that the caller owns, allocates nothing, keeps no state and has no failure:
// shapes are checked when a model is exported. In WebAssembly a pointer is a byte offset into the module's memory. No
// kernel reads or writes a byte outside the buffers that its arguments describe. Buffers must not overlap, except where
// it is said.
//
// Layouts
//   Activations: float, NHWC without N, i.e. [height][width][channels]. Pointers to f32 are 16-byte aligned.
//   Float kernels: [kernel][kernel][channels][filters]; float dense weights: [units][inputs].
//   Bits: 1 stands for +1 and 0 for -1; sign(0) = +1. Packed along channels, least significant bit first. A row of bits
//     (one pixel's channels; or, for a dense layer, the whole input) starts on a byte; the bits that fill its last byte
//     are 0, in activations and weights alike, so that they never differ.
//   Binary weights as they travel: [filters][kernel][kernel][bytes of one pixel's channels]; dense: [units][bytes].
//     lcdnn_prepare_binary_conv2d and lcdnn_prepare_binary_dense bring them to the order of the build (scalar or SIMD128)
//     that lcdnn_binary_conv2d and lcdnn_binary_dense read; lcdnn_prepared_..._bytes tell the room it takes.
//
// Arithmetic
//   Binary sums are exact integers: of up to 65,535 bits in a convolution's window, of up to 2^24 in a dense layer. Floats are IEEE single precision; scalar and SIMD builds may add in another order.
//   A binary layer gives prelu(sum * k * scale[f] + shift[f]): scale holds alpha and a folded batch normalisation; a null k
//   counts as 1, a null shift as 0, a null slope as no PReLU. v = prelu(u): v = u where u >= 0, else u * slope[f].
#ifndef LCDNN_H
#define LCDNN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// y[oh][ow][filters] = prelu((x (*) w + bias) * scale + shift); nulls as for a binary layer, a null bias counts as 0. Taps
// outside x count as 0.
void lcdnn_conv2d_f32(const float* x, const float* w, const float* bias, const float* scale, const float* shift,
                      const float* slope, float* y, int32_t h, int32_t w_in, int32_t c, int32_t filters,
                      int32_t kernel, int32_t stride, int32_t pad_top, int32_t pad_left, int32_t oh, int32_t ow);

// y[oh][ow][c]: every channel of x with its own kernel w[kernel][kernel][c]. Taps outside x count as 0.
void lcdnn_depthwise_conv2d_f32(const float* x, const float* w, float* y, int32_t h, int32_t w_in, int32_t c,
                                int32_t kernel, int32_t stride, int32_t pad_top, int32_t pad_left, int32_t oh,
                                int32_t ow);

// Maximum over kernel x kernel windows; taps outside x never win, and every window has one inside. A NaN is passed over.
void lcdnn_max_pool_f32(const float* x, float* y, int32_t h, int32_t w_in, int32_t c, int32_t kernel, int32_t stride,
                        int32_t pad_top, int32_t pad_left, int32_t oh, int32_t ow);

// Mean over windows of rows x columns that lie side by side, all inside x.
void lcdnn_average_pool_f32(const float* x, float* y, int32_t w_in, int32_t c, int32_t rows, int32_t columns,
                            int32_t oh, int32_t ow);

// The c channels of every place `times` over, one after another: y[places][times * c].
void lcdnn_repeat_channels_f32(const float* x, float* y, int32_t places, int32_t c, int32_t times);

// y = a + b. y may be a or b.
void lcdnn_add_f32(const float* a, const float* b, float* y, int32_t count);

// y[i] = x[i] where it is less than most[0], else most[0]. y may be x.
void lcdnn_minimum_f32(const float* x, const float* most, float* y, int32_t count);

// bit[i] = x[i] * scale[i % channels] + shift[i % channels] >= 0, rounded after each operation (no fused multiply-add).
// A new byte begins after every `row` values (row divides count and is a multiple of channels). Null scale and shift: x[i] >= 0.
// A NaN gives 0.
void lcdnn_sign_pack(const float* x, const float* scale, const float* shift, uint8_t* bits, int32_t count,
                     int32_t channels, int32_t row);

// K of Eq. 4: k[oh][ow] = mean over the window and all channels of |x * scale + shift|; taps outside x count as 0 and
// the divisor stays kernel * kernel * c. A dense layer's K: h = w = kernel = oh = ow = 1 when scale is per feature; for
// values of c channels at h x w places, kernel = h = w gives the mean over all of them.
void lcdnn_input_scale_f32(const float* x, const float* scale, const float* shift, float* k, int32_t h, int32_t w,
                           int32_t c, int32_t kernel, int32_t stride, int32_t pad_top, int32_t pad_left, int32_t oh,
                           int32_t ow);

// From the order in which binary weights travel to the order of this build, and the bytes that this takes; taps = kernel *
// kernel. `prepared` is 16-byte aligned.
int32_t lcdnn_prepared_binary_conv2d_bytes(int32_t filters, int32_t taps, int32_t c);
void lcdnn_prepare_binary_conv2d(const uint8_t* travelled, uint8_t* prepared, int32_t filters, int32_t taps, int32_t c);
int32_t lcdnn_prepared_binary_dense_bytes(int32_t units, int32_t inputs);
void lcdnn_prepare_binary_dense(const uint8_t* travelled, uint8_t* prepared, int32_t units, int32_t inputs);

// Binary convolution of packed pixels x[h][w][bytes of c bits]; taps outside x count as +1 in every channel.
// k is [oh][ow] or null. y[oh][ow][filters]; shortcut, added before the PReLU, is like it or null, and y may be shortcut.
// scratch, left with any content: ceil(c / 8) + ceil(c / 4) * rows * columns
// bytes for the rows and columns that windows touch, rows = (oh - 1) * stride + kernel and columns = (ow - 1 rounded down
// to even) * stride + kernel.
void lcdnn_binary_conv2d(const uint8_t* x, const uint8_t* w, const float* k, const float* scale, const float* shift,
                         const float* slope, const float* shortcut, float* y, uint8_t* scratch, int32_t h, int32_t w_in, int32_t c,
                         int32_t filters, int32_t kernel, int32_t stride, int32_t pad_top, int32_t pad_left, int32_t oh,
                         int32_t ow);

// Binary fully-connected layer over one row of `inputs` bits. k is one value or null. y[units].
void lcdnn_binary_dense(const uint8_t* x, const uint8_t* w, const float* k, const float* scale, const float* shift,
                        const float* slope, float* y, int32_t inputs, int32_t units);

// y[i] = prelu(x[i] * scale[i % channels] + shift[i % channels]); null scale, shift, slope: 1, 0, none. y may be x.
void lcdnn_affine_prelu_f32(const float* x, const float* scale, const float* shift, const float* slope, float* y,
                            int32_t count, int32_t channels);

// y[units] = w x + bias.
void lcdnn_dense_f32(const float* x, const float* w, const float* bias, float* y, int32_t inputs, int32_t units);

// Probabilities of logits, and the normalised entropy (Eq. 7) in [0, 1] as the result. Safe for saturated logits.
float lcdnn_softmax_entropy(const float* logits, float* probabilities, int32_t classes);

#ifdef __cplusplus
}
#endif
#endif
