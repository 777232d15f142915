// The kernels of lcdnn: the only contract between generated code and C++.
//
// Every function is plain C, works on memory that the caller owns, allocates nothing, keeps no state (except for constant
// tables that lcdnn_prepare_binary_conv2d fills) and can't fail: shapes are checked when a model is exported. In WebAssembly
// a pointer is a byte offset into the module's memory. No kernel reads or writes a byte outside the buffers that its
// arguments describe. Buffers must not overlap, except where a comment allows it.
//
// Layouts
//   Activations: float, NHWC without N, i.e. [height][width][channels]. Pointers to f32 are 16-byte aligned.
//   Float kernels: [kernel][kernel][channels][filters]; float dense weights: [units][inputs].
//   Bits: 1 stands for +1 and 0 for -1; sign(0) = +1. They are packed along channels, least significant bit first. A row
//     of bits (one pixel's channels; for a dense layer, the whole input) starts on a byte. The bits that fill its last
//     byte are 0, in activations and weights alike, so that they never differ.
//   Binary weights are downloaded as [filters][kernel][kernel][bytes of one pixel's channels]; dense: [units][bytes].
//     lcdnn_prepare_binary_conv2d and lcdnn_prepare_binary_dense bring them to the order of the build (scalar or SIMD128)
//     that lcdnn_binary_conv2d and lcdnn_binary_dense read; lcdnn_prepared_..._bytes returns the size of the result.
//
// Arithmetic
//   Binary sums are exact integers: of up to 65,535 bits in a convolution's window, of up to 2^24 in a dense layer.
//   Floats are IEEE single precision; scalar and SIMD builds may add in a different order.
//   A binary layer computes prelu(sum * k * scale[f] + shift[f]): scale holds alpha and a folded batch normalisation. A
//   null k counts as 1, a null shift as 0, a null slope as no PReLU. prelu(u) = u if u >= 0, else u * slope[f].
#ifndef LCDNN_H
#define LCDNN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// y[out_height][out_width][filters] = min(prelu((x (*) w + bias) * scale + shift), most[0]). Nulls as for a binary layer; a
// null bias counts as 0, a null most as no limit. Taps outside x count as 0.
void lcdnn_conv2d_f32(const float* x, const float* w, const float* bias, const float* scale, const float* shift,
                      const float* slope, const float* most, float* y, int32_t height, int32_t width, int32_t channels,
                      int32_t filters, int32_t kernel, int32_t stride, int32_t pad_top, int32_t pad_left,
                      int32_t out_height, int32_t out_width);

// The same with another activation: y = hard_swish((x (*) w + bias) * scale + shift).
void lcdnn_conv2d_hard_swish_f32(const float* x, const float* w, const float* bias, const float* scale,
                                 const float* shift, float* y, int32_t height, int32_t width, int32_t channels,
                                 int32_t filters, int32_t kernel, int32_t stride, int32_t pad_top, int32_t pad_left,
                                 int32_t out_height, int32_t out_width);

// y[out_height][out_width][channels]: every channel of x with its own kernel w[kernel][kernel][channels], then as in
// lcdnn_conv2d_f32. Taps outside x count as 0.
void lcdnn_depthwise_conv2d_f32(const float* x, const float* w, const float* scale, const float* shift,
                                const float* slope, const float* most, float* y, int32_t height, int32_t width,
                                int32_t channels, int32_t kernel, int32_t stride, int32_t pad_top, int32_t pad_left,
                                int32_t out_height, int32_t out_width);

void lcdnn_depthwise_conv2d_hard_swish_f32(const float* x, const float* w, const float* scale, const float* shift,
                                           float* y, int32_t height, int32_t width, int32_t channels, int32_t kernel,
                                           int32_t stride, int32_t pad_top, int32_t pad_left, int32_t out_height,
                                           int32_t out_width);

// Maximum over kernel x kernel windows. Taps outside x never win, and every window has one inside. A NaN is ignored.
void lcdnn_max_pool_f32(const float* x, float* y, int32_t height, int32_t width, int32_t channels, int32_t kernel,
                        int32_t stride, int32_t pad_top, int32_t pad_left, int32_t out_height, int32_t out_width);

// Mean over windows of rows x columns that lie side by side, all inside x.
void lcdnn_average_pool_f32(const float* x, float* y, int32_t width, int32_t channels, int32_t rows, int32_t columns,
                            int32_t out_height, int32_t out_width);

// Repeats the channels of every pixel `times` times, one copy after another: y[pixels][times * channels].
void lcdnn_repeat_channels_f32(const float* x, float* y, int32_t pixels, int32_t channels, int32_t times);

// y = a + b. y may be a or b.
void lcdnn_add_f32(const float* a, const float* b, float* y, int32_t count);

// y[i] = x[i] if that is less than most[0], else most[0]. y may be x.
void lcdnn_minimum_f32(const float* x, const float* most, float* y, int32_t count);

// y[i] = x[i] * (min(max(x[i] + 3, 0), 6) / 6); divided by 6 as a product with the float 1/6. y may be x.
void lcdnn_hard_swish_f32(const float* x, float* y, int32_t count);

// bit[i] = x[i] * scale[i % channels] + shift[i % channels] >= 0, rounded after each operation (no fused multiply-add).
// A new byte begins after every `row` values; row divides count and is a multiple of channels. With a null scale and
// shift: x[i] >= 0. A NaN gives 0.
void lcdnn_sign_pack(const float* x, const float* scale, const float* shift, uint8_t* bits, int32_t count,
                     int32_t channels, int32_t row);

// K of Eq. 4: k[out_height][out_width] = mean over the window and all channels of |x * scale + shift|. Taps outside x
// count as 0; the divisor stays kernel * kernel * channels. For a dense layer with a scale per feature, the window is one
// pixel that has all features as its channels.
void lcdnn_input_scale_f32(const float* x, const float* scale, const float* shift, float* k, int32_t height,
                           int32_t width, int32_t channels, int32_t kernel, int32_t stride, int32_t pad_top,
                           int32_t pad_left, int32_t out_height, int32_t out_width);

// Brings binary weights from their download order to the order of this build, and returns the size of the result;
// taps = kernel * kernel. `prepared` is 16-byte aligned.
int32_t lcdnn_prepared_binary_conv2d_bytes(int32_t filters, int32_t taps, int32_t channels);
void lcdnn_prepare_binary_conv2d(const uint8_t* downloaded, uint8_t* prepared, int32_t filters, int32_t taps,
                                 int32_t channels);
int32_t lcdnn_prepared_binary_dense_bytes(int32_t units, int32_t inputs);
void lcdnn_prepare_binary_dense(const uint8_t* downloaded, uint8_t* prepared, int32_t units, int32_t inputs);

// Binary convolution of packed pixels x[height][width][bytes of one pixel]. Taps outside x count as +1 in every channel.
// k is [out_height][out_width] or null. y is [out_height][out_width][filters]; shortcut has the same shape or is null, is
// added before the PReLU, and may be y.
// scratch needs ceil(channels / 8) + ceil(channels / 4) * rows * columns bytes, for the rows and columns that windows
// touch: rows = (out_height - 1) * stride + kernel, columns = (out_width - 1 rounded down to even) * stride + kernel. Its
// content doesn't matter before or after the call.
void lcdnn_binary_conv2d(const uint8_t* x, const uint8_t* w, const float* k, const float* scale, const float* shift,
                         const float* slope, const float* shortcut, float* y, uint8_t* scratch, int32_t height,
                         int32_t width, int32_t channels, int32_t filters, int32_t kernel, int32_t stride,
                         int32_t pad_top, int32_t pad_left, int32_t out_height, int32_t out_width);

// Binary fully-connected layer over one row of `inputs` bits. k is one value or null. y[units].
void lcdnn_binary_dense(const uint8_t* x, const uint8_t* w, const float* k, const float* scale, const float* shift,
                        const float* slope, float* y, int32_t inputs, int32_t units);

// Levels: activations as whole numbers from 0 to 127, a byte each, in NHWC without gaps. Behind the last one of an input, 16
// more bytes must be readable; their content doesn't matter. round(v) below is the level nearest to v, ties to even. Weights
// are whole numbers from -127 to 127, so sums are exact integers; each float operation on them is rounded separately. All
// builds give the same bits.

// y[i] = round(x[i] * scale[0] + shift[0]).
void lcdnn_quantise(const float* x, const float* scale, const float* shift, uint8_t* y, int32_t count);

// y[out_height][out_width][channels]: x[height][width][channels] with `fill` around it.
void lcdnn_pad_levels(const uint8_t* x, uint8_t* y, int32_t fill, int32_t height, int32_t width, int32_t channels,
                      int32_t pad_top, int32_t pad_left, int32_t out_height, int32_t out_width);

// Convolution without padding: u = (x (*) w) * scale[f] + shift[f]. y[out_height][out_width][filters] has u as floats, or
// round(u) as levels if `floats` is 0. kernel * kernel * channels is at most 1,040. Weights are downloaded as
// [kernel][kernel][channels][filters] and prepared: `prepared` and w are 16-byte aligned.
int32_t lcdnn_prepared_conv2d_levels_bytes(int32_t kernel, int32_t channels, int32_t filters);
void lcdnn_prepare_conv2d_levels(const int8_t* downloaded, int16_t* prepared, int32_t kernel, int32_t channels,
                                 int32_t filters);
void lcdnn_conv2d_levels(const uint8_t* x, const int16_t* w, const float* scale, const float* shift, void* y,
                         int32_t floats, int32_t height, int32_t width, int32_t channels, int32_t filters,
                         int32_t kernel, int32_t stride, int32_t out_height, int32_t out_width);

// Every channel with its own kernel: y[out_height][out_width][channels] = round((x (*) w) * scale[c] + shift[c]). Taps
// outside x count as 0. The absolute weights of a channel add up to 258 at most. Weights are downloaded as
// [kernel][kernel][channels] and prepared, as above.
int32_t lcdnn_prepared_depthwise_conv2d_levels_bytes(int32_t kernel, int32_t channels);
void lcdnn_prepare_depthwise_conv2d_levels(const int8_t* downloaded, int16_t* prepared, int32_t kernel,
                                           int32_t channels);
void lcdnn_depthwise_conv2d_levels(const uint8_t* x, const int16_t* w, const float* scale, const float* shift,
                                   uint8_t* y, int32_t height, int32_t width, int32_t channels, int32_t kernel,
                                   int32_t stride, int32_t pad_top, int32_t pad_left, int32_t out_height,
                                   int32_t out_width);

// u = (a * weights[0] + b * weights[1]) + weights[2]; y has u as floats, or round(u) as levels if `floats` is 0.
void lcdnn_add_levels(const uint8_t* a, const uint8_t* b, const float* weights, void* y, int32_t floats,
                      int32_t count);

// y[i] = prelu(x[i] * scale[i % channels] + shift[i % channels]); null scale, shift, slope: 1, 0, none. y may be x.
void lcdnn_affine_prelu_f32(const float* x, const float* scale, const float* shift, const float* slope, float* y,
                            int32_t count, int32_t channels);

// y[units] = w x + bias.
void lcdnn_dense_f32(const float* x, const float* w, const float* bias, float* y, int32_t inputs, int32_t units);

// Averages blocks of rows x columns of the RGBA pixels[rows][width], laid on black: y[count] (grey, Rec. 601) if channels is 1,
// else y[count][4] (red, green, blue, any), as levels times 128. The last block may lack columns: copies of the last one are
// taken. Up to 256 rows and columns. Pixels that aren't opaque are overwritten. sums has 4 * width values; its content doesn't
// matter before or after the call.
void lcdnn_shrink_rgba(uint8_t* pixels, uint16_t* sums, int16_t* y, int32_t width, int32_t channels, int32_t count,
                       int32_t columns, int32_t rows);

// y[count]: the sum of weights[j] * ring[(first + j) % taps], rows of `count` values, as the nearest whole level from 0 to 255.
// `count` is a multiple of 32. x and y are levels times 128. Weights are multiplied by 2^14; the positive ones add up to less than 2^15.
void lcdnn_filter_rows(const int16_t* ring, const int16_t* weights, int16_t* y, int32_t count, int32_t taps, int32_t first);

// y[count][channels]: pixel i is the sum of weights[i][j] * x[first[i] + j] over `taps` pixels, as the nearest whole level. x has
// groups of four values, or of one if channels is 1; else channels is 3. Values and weights as above.
void lcdnn_filter_columns(const int16_t* x, const int16_t* weights, const int32_t* first, uint8_t* y, int32_t channels,
                          int32_t count, int32_t taps);

// Writes the probabilities of logits, and returns their normalised entropy (Eq. 7) in [0, 1]. Safe for saturated logits.
// `probabilities` may be `logits`.
float lcdnn_softmax_entropy(const float* logits, float* probabilities, int32_t classes);

#ifdef __cplusplus
}
#endif
#endif
