// LeNet-5 on a CPU: gradients, updates of the weights, logits, with the same bits on every processor.
//
// The network (lenet/model/lenet5.py): 5x5 convolution to 6 channels, ReLU, 2x2 max-pool; 3x3 convolution to 16
// channels, ReLU, 2x2 max-pool; dense 120, ReLU; dense 84, ReLU; dense `classes`. Its parameters are one vector in the
// order of Gluon's names: weight and bias of each layer, shaped (outputs, inputs, kernel rows, kernel columns).
//
// LAYOUT. Each lane of a vector register computes an image of its own: activations are [channel][row][column][lane].
// A register has LANES floats: 16 with AVX-512, 8 with AVX2, 4 with NEON. Images are computed in groups of 16 on every
// processor, so a group takes PARTS = 16 / LANES registers. The convolutions compute the parts one after the other. The
// dense layers compute the whole group; their arrays are [unit][part][lane], which is [unit][16 images].
// Where the shard does not fill its last group, the other lanes repeat an image with a gradient of 0.
//
// ORDER OF ADDITION. It is part of the interface: changing it changes every result.
//
//   sum                               starts with  terms, in order
//   --------------------------------  -----------  ------------------------------------------------------------------
//   output of a layer                 its bias     inputs in the order of the weights in memory
//   gradient of the pooled layer 1    0            output channels; for each, kernel rows; for each, kernel columns
//   gradient of a dense layer's input 0            units
//   gradient of a convolution weight  0            per lane: groups of the shard; for each, output rows, then columns
//   gradient of a bias                0            per lane: groups of the shard; for each, pools row by row
//   gradient of a dense weight        0            images of the shard
//   loss of an image, of a shard      0            classes; images (both in double precision)
//
// Sums per lane are added at the end of the shard: lane l + lane (l + 8), then + 4, + 2, + 1. Each sum of products uses
// fused multiply-adds (`fma`); everything else is single IEEE operations (-ffp-contract=off). Terms that are left out
// here, at the edges of an image and behind a ReLU that is off, are products with 0, which change no sum.
// Across shards, gradients are added as int64 in units of 2^-40 (`to_whole`), for which order does not matter.
//
// How work is divided among threads, and how many sums are kept in registers at a time (the *_BLOCK constants and
// template parameters), is free: it changes no order of addition.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "workers.hpp"

namespace {

constexpr int LANES = LENET_LANES;
constexpr int GROUP = 16;  // images
constexpr int PARTS = GROUP / LANES;
constexpr bool HAS_32_REGISTERS = LANES != 8;  // AVX2 has 16: fewer sums at a time

typedef float Floats __attribute__((vector_size(LANES * 4)));
typedef int32_t Ints __attribute__((vector_size(LANES * 4)));

inline Floats splat(float x) { return x - Floats{}; }

// sum + x * w with one rounding. The instruction is named, because whether a compiler contracts a product and a sum
// depends on its version, and on the processor that it tunes for.
inline __attribute__((always_inline)) Floats fma(Floats x, Floats w, Floats sum) {
#if defined(__AVX512F__) && LENET_LANES == 16 || defined(__FMA__) && LENET_LANES <= 8
  asm("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w));
#elif defined(__aarch64__) && LENET_LANES == 4
  asm("fmla %0.4s, %1.4s, %2.4s" : "+w"(sum) : "w"(x), "w"(w));
#else
  for (int lane = 0; lane < LANES; ++lane) sum[lane] = __builtin_fmaf(x[lane], w[lane], sum[lane]);
#endif
  return sum;
}

// ---- Sizes ----

constexpr size_t CONV1 = 6, CONV2 = 16, DENSE1 = 120, DENSE2 = 84;  // outputs of the layers
constexpr int KERNEL1 = 5, KERNEL2 = 3;
constexpr size_t TAPS1 = KERNEL1 * KERNEL1, TAPS2 = KERNEL2 * KERNEL2;
constexpr int METRICS = 4;  // behind the gradients: loss, correct, images, shards in range
constexpr int PANEL = 32;   // inputs of a dense layer whose weights' gradients are summed at a time

inline size_t round_up(size_t number, size_t multiple) { return (number + multiple - 1) / multiple * multiple; }

// A dense layer, and where its arrays begin.
struct Dense {
  size_t inputs, units;
  size_t weight, bias;  // in the parameters
  size_t input_row;     // in the dense layers' inputs of an image
  size_t unit_row;      // in the dense layers' unit gradients of a group
};

}  // namespace

extern "C" {

// The data set and the network. Pixels are (images, height, width, channels), labels (images,) of `label_bytes` 1
// (uint8) or 4 (int32).
struct LenetData {
  const uint8_t* pixels;
  const void* labels;
  int64_t images, parameters;  // `parameters`: the length of the vector of weights
  int32_t label_bytes, height, width, channels, classes;
  float mean[4], std[4];
};

// The gradients of some shards of a step. `total` (parameters + METRICS or more,) is overwritten with the gradients of
// the step's mean loss, that loss, both in units of 2^-40, correct predictions, images, shards in range, and zeros.
// A shard is in range if its loss and all its gradients are at most 2^22 divided by the number of shards in the step.
// Those of another shard make the gradients in `total` meaningless.
struct LenetGradients {
  LenetData data;
  const float* weights;
  const int32_t* rows;   // (count,) images, cut into shards of `shard`; the last one may be smaller
  const int32_t* draws;  // (3, images) mirrored, down, right; or null
  int64_t* total;
  int64_t count, shard, step_images, step_shards, total_length;
  double smoothing;
  int32_t threads;
};

// Logits (count, classes) of the images from `begin` on.
struct LenetLogits {
  LenetData data;
  const float* weights;
  float* logits;
  int64_t begin, count;
  int32_t threads;
};

enum LenetRule : int32_t { SGD, NESTEROV, ADAM, ADAMW };

// One step of an optimizer, in place. `clip_norm` 0 clips nothing.
struct LenetUpdate {
  float *weights, *slot1, *slot2;  // Nesterov: momenta, none; Adam: mean, variance
  const int64_t* total;
  int64_t count, step;  // `step` counts from 1, for Adam
  LenetRule rule;
  double rate, weight_decay, momentum, beta1, beta2, epsilon, clip_norm;
};

}  // extern "C"

namespace {

struct Network {
  size_t height, width, channels, classes;
  size_t rows1, columns1, rows2, columns2;  // after the pools
  size_t width1;                            // of rows after the first pool, with space behind the columns
  size_t weight1, bias1, weight2, bias2;    // in the parameters
  Dense dense[3];
  size_t parameters;
  size_t bias_lanes[3], lanes;  // sums per lane: those of the convolutions' parameters, then of the dense biases
  size_t input_row, unit_row;   // lengths of those rows

  explicit Network(const LenetData& data)
      : height(data.height), width(data.width), channels(data.channels), classes(data.classes) {
    if (data.height < 12 || data.width < 12 || data.channels < 1 || data.channels > 4 || data.classes < 1)
      throw std::invalid_argument("LeNet-5 takes images of 12 x 12 pixels or more, of 1 to 4 channels");
    rows1 = (height - 4) / 2, columns1 = (width - 4) / 2, width1 = round_up(columns1, 4);
    rows2 = (rows1 - 2) / 2, columns2 = (columns1 - 2) / 2;
    weight1 = 0, bias1 = weight1 + CONV1 * channels * TAPS1;
    weight2 = bias1 + CONV1, bias2 = weight2 + CONV2 * CONV1 * TAPS2;
    parameters = bias2 + CONV2, lanes = parameters, input_row = unit_row = 0;
    const size_t sizes[] = {CONV2 * rows2 * columns2, DENSE1, DENSE2, classes};
    for (int i = 0; i < 3; ++i) {
      size_t inputs = sizes[i], units = sizes[i + 1];
      dense[i] = {inputs, units, parameters, parameters + inputs * units, input_row, unit_row};
      bias_lanes[i] = lanes, lanes += units;
      parameters += (inputs + 1) * units, input_row += round_up(inputs, PANEL), unit_row += units;
    }
    if (int64_t(parameters) != data.parameters)
      throw std::invalid_argument("there are " + std::to_string(data.parameters) + " weights, the network has " +
                                  std::to_string(parameters));
  }

  size_t pixels() const { return channels * height * width; }  // of an image
  size_t pools1() const { return CONV1 * rows1 * width1; }
};

// Memory that is aligned for any register, grows, and is kept for the next call.
template <class T>
class Buffer {
 public:
  T* get(size_t count) {
    if (count > size_) {
      if (count > SIZE_MAX / sizeof(T) / 2) throw std::bad_alloc();
      memory_.reset();
      size_ = 0;
      void* made = std::aligned_alloc(64, round_up(count * sizeof(T), 64));
      if (!made) throw std::bad_alloc();
      memory_.reset(static_cast<T*>(made));
      std::memset(made, 0, count * sizeof(T));
      size_ = count;
    }
    return memory_.get();
  }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::unique_ptr<T[], Free> memory_;
  size_t size_ = 0;
};

// Calls f(begin, size) for the blocks of a range: as many of the first size as fit, then of the next.
template <int size, int... smaller, class F>
inline void in_blocks(size_t begin, size_t end, F f) {
  for (; begin + size <= end; begin += size) f(begin, std::integral_constant<int, size>());
  if constexpr (sizeof...(smaller) > 0) in_blocks<smaller...>(begin, end, f);
}

// ---- Convolutions: a part of a group ----

// Channels of images, or of gradients: [channel][row][column], each position `step` registers after the one before.
struct Planes {
  Floats* data;
  size_t rows, width, step;
  size_t place(size_t channel, size_t row, size_t column) const {
    return ((channel * rows + row) * width + column) * step;
  }
};

// Convolution with kernels of K x K from all `inputs` channels of `in` to C channels, 2x2 max-pool and ReLU to the
// first `columns` of each row of `out`. `choice`, laid out as `out`, tells which position of the pool is the largest, 0
// to 3 row by row, the first of equal ones; 4 where ReLU is off. `weights` are [input][kernel row][kernel column][C].
template <int K, int C>
void convolve(const Planes& in, size_t inputs, const float* weights, const float* bias, const Planes& out, Ints* choice,
              size_t columns) {
  for (size_t row = 0; row < out.rows; ++row)
    for (size_t column = 0; column < columns; ++column) {
      Floats sums[4][C];  // of the four positions of a pool
      for (int position = 0; position < 4; ++position)
        for (int c = 0; c < C; ++c) sums[position][c] = splat(bias[c]);
      const float* weight = weights;
      for (size_t input = 0; input < inputs; ++input)
        for (int y = 0; y < K; ++y) {
          const Floats* corner = in.data + in.place(input, 2 * row + y, 2 * column);
          for (int x = 0; x < K; ++x, weight += C)
            for (int position = 0; position < 4; ++position) {
              Floats pixel = corner[position / 2 * in.width + position % 2 + x];
              for (int c = 0; c < C; ++c) sums[position][c] = fma(pixel, splat(weight[c]), sums[position][c]);
            }
        }
      for (int c = 0; c < C; ++c) {
        Floats largest = sums[0][c];
        Ints chosen = {};
        for (int position = 1; position < 4; ++position) {
          Ints stays = sums[position][c] <= largest;  // false for NaN, so that it is passed on
          largest = stays ? largest : sums[position][c];
          chosen = stays ? chosen : position - Ints{};
        }
        Ints is_off = largest <= 0;
        out.data[out.place(c, row, column)] = is_off ? Floats{} : largest;
        choice[out.place(c, row, column)] = is_off ? 4 - Ints{} : chosen;
      }
    }
}

// Writes the gradients of pools to the positions that `choice` tells and 0 to the others of `out`, whose rows begin and
// end with `margin` zeros or more. Adds the gradients of each channel to its sum in `bias`.
void unpool(const Planes& pooled, const Ints* choice, size_t channels, size_t columns, const Planes& out, size_t margin,
            Floats* bias) {
  for (size_t channel = 0; channel < channels; ++channel)
    for (size_t row = 0; row < pooled.rows; ++row) {
      Floats* line = out.data + out.place(channel, 2 * row, 0);
      for (size_t x = 0; x < margin; ++x) line[x] = line[out.width + x] = Floats{};
      for (size_t x = margin + 2 * columns; x < out.width; ++x) line[x] = line[out.width + x] = Floats{};
      for (size_t column = 0; column < columns; ++column) {
        Floats gradient = pooled.data[pooled.place(channel, row, column)];
        Ints chosen = choice[pooled.place(channel, row, column)];
        for (int position = 0; position < 4; ++position)
          line[position / 2 * out.width + margin + 2 * column + position % 2] =
              chosen == position ? gradient : Floats{};
        bias[channel * PARTS] += chosen == 4 ? Floats{} : gradient;
      }
    }
}

// Adds to `sums`, [C][kernel row][kernel column] with `channel_step` registers from channel to channel, the gradients
// of the weights from one channel `in` to C channels, whose `gradients` are given.
template <int K, int C>
void convolution_weight_gradients(const Planes& in, const Planes& gradients, size_t columns, Floats* sums,
                                  size_t channel_step) {
  for (int y = 0; y < K; ++y) {
    Floats partial[C][K];
    for (int c = 0; c < C; ++c)
      for (int x = 0; x < K; ++x) partial[c][x] = sums[c * channel_step + (y * K + x) * PARTS];
    for (size_t row = 0; row < gradients.rows; ++row)
      for (size_t column = 0; column < columns; ++column) {
        const Floats* pixels = in.data + in.place(0, row + y, column);
        for (int c = 0; c < C; ++c) {
          Floats gradient = gradients.data[gradients.place(c, row, column)];
          for (int x = 0; x < K; ++x) partial[c][x] = fma(pixels[x], gradient, partial[c][x]);
        }
      }
    for (int c = 0; c < C; ++c)
      for (int x = 0; x < K; ++x) sums[c * channel_step + (y * K + x) * PARTS] = partial[c][x];
  }
}

// The gradients `out` of C input channels of the second convolution, four columns at a time, from the `gradients` of
// its output, whose rows begin with 2 zeros. `weights` are [output][kernel row][kernel column][C].
template <int C>
void convolution_input_gradients(const Planes& gradients, const float* weights, const Planes& out) {
  constexpr int K = KERNEL2;
  for (size_t row = 0; row < out.rows; ++row) {
    const int first = row < gradients.rows ? 0 : int(row - gradients.rows + 1), last = std::min<int>(row, K - 1);
    for (size_t column = 0; column < out.width; column += 4) {
      Floats sums[4][C] = {};
      for (size_t output = 0; output < CONV2; ++output)
        for (int y = first; y <= last; ++y) {
          const Floats* line = gradients.data + gradients.place(output, row - y, column + K - 1);
          const float* weight = weights + (output * K + y) * K * C;
#pragma GCC unroll 1  // unrolled, the columns that two values of x share would take registers from the sums
          for (int x = 0; x < K; ++x, weight += C)
            for (int position = 0; position < 4; ++position) {
              Floats gradient = line[position - x];
              for (int c = 0; c < C; ++c) sums[position][c] = fma(gradient, splat(weight[c]), sums[position][c]);
            }
        }
      for (int position = 0; position < 4; ++position)
        for (int c = 0; c < C; ++c) out.data[out.place(c, row, column + position)] = sums[position][c];
    }
  }
}

// ---- Dense layers: a whole group ----

constexpr int UNITS_BLOCK = PARTS == 1 ? 12 : 6;  // units or inputs

// `out` [units][PARTS] of `in` [inputs][PARTS].
void dense_forward(const Dense& layer, const float* parameters, const Floats* in, Floats* out, bool has_relu) {
  in_blocks<UNITS_BLOCK, 2, 1>(0, layer.units, [&](size_t unit, auto block) {
    constexpr int U = block;
    const float* weight = parameters + layer.weight + unit * layer.inputs;
    Floats sums[U][PARTS];
    for (int u = 0; u < U; ++u)
      for (int part = 0; part < PARTS; ++part) sums[u][part] = splat(parameters[layer.bias + unit + u]);
    for (size_t input = 0; input < layer.inputs; ++input)
      for (int u = 0; u < U; ++u)
        for (int part = 0; part < PARTS; ++part)
          sums[u][part] = fma(in[input * PARTS + part], splat(weight[u * layer.inputs + input]), sums[u][part]);
    for (int u = 0; u < U; ++u)
      for (int part = 0; part < PARTS; ++part) {
        Floats sum = sums[u][part];
        if (has_relu) sum = sum <= 0 ? Floats{} : sum;
        out[(unit + u) * PARTS + part] = sum;
      }
  });
}

// The gradients `out` [inputs][PARTS] of a layer's inputs from those of its units, `gradients` [units][PARTS]. If the
// layer before ends in a ReLU, its output is `relu`, and where that is 0 the gradient is.
void dense_backward(const Dense& layer, const float* parameters, const Floats* gradients, const Floats* relu,
                    Floats* out) {
  in_blocks<UNITS_BLOCK, 2, 1>(0, layer.inputs, [&](size_t input, auto block) {
    constexpr int I = block;
    const float* weight = parameters + layer.weight + input;
    Floats sums[I][PARTS] = {};
    for (size_t unit = 0; unit < layer.units; ++unit, weight += layer.inputs)
      for (int i = 0; i < I; ++i)
        for (int part = 0; part < PARTS; ++part)
          sums[i][part] = fma(gradients[unit * PARTS + part], splat(weight[i]), sums[i][part]);
    for (int i = 0; i < I; ++i)
      for (int part = 0; part < PARTS; ++part) {
        size_t place = (input + i) * PARTS + part;
        out[place] = sums[i][part];
        if (relu) out[place] = relu[place] <= 0 ? Floats{} : out[place];
      }
  });
}

// The gradients `out` of the weights from a panel `in` [image][PANEL] of inputs to U units, over the `images` of a
// shard. The units' gradients are [group][unit][16], with `unit_row` units in each group.
template <int U>
void dense_weight_gradients(const float* in, const float* unit_gradients, size_t unit_row, size_t images,
                            float (*out)[PANEL]) {
  constexpr int REGISTERS = PANEL / LANES;
  Floats sums[U][REGISTERS] = {};
  for (size_t image = 0; image < images; ++image) {
    const Floats* inputs = reinterpret_cast<const Floats*>(in + image * PANEL);
    const float* gradients = unit_gradients + image / GROUP * unit_row * GROUP + image % GROUP;
    for (int i = 0; i < REGISTERS; ++i)
      for (int u = 0; u < U; ++u) sums[u][i] = fma(inputs[i], splat(gradients[u * GROUP]), sums[u][i]);
  }
  std::memcpy(out, sums, sizeof(sums));
}

// ---- Loss ----

inline double from_bits(uint64_t bits) {
  double number;
  std::memcpy(&number, &bits, sizeof number);
  return number;
}

inline uint64_t to_bits(double number) {
  uint64_t bits;
  std::memcpy(&bits, &number, sizeof bits);
  return bits;
}

// Added to a number below 2^51, it rounds that to a whole one, which then stands in the low bits.
constexpr double WHOLE = 0x1.8p52;
constexpr double LN2_HIGH = 0x1.62e42feep-1, LN2_LOW = 0x1.a39ef35793c76p-33;

// e^x for x <= 0, within 1 unit in the last place; 0 below -708. lenet/exact_math.py does the same operations.
inline double exponential(double x) {
  double shifted = x * 0x1.71547652b82fep0 + WHOLE;  // x / ln 2
  double count = shifted - WHOLE;
  double r = x - count * LN2_HIGH - count * LN2_LOW;  // |r| <= ln 2 / 2
  constexpr double FACTORIALS[] = {
      1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
      1.0 / 720,        1.0 / 120,       1.0 / 24,       1.0 / 6,       0.5,          1.0,         1.0};
  double sum = FACTORIALS[0];
  for (int i = 1; i < 14; ++i) sum = sum * r + FACTORIALS[i];
  double scale = from_bits((to_bits(shifted) + 1023) << 52);
  return x < -708 ? 0 : sum * scale;
}

// ln x for x >= 1, within some units in the last place. lenet/exact_math.py does the same operations.
inline double logarithm(double x) {
  uint64_t bits = to_bits(x);
  double count = double(int64_t(bits >> 52)) - 1023;
  double mantissa = from_bits((bits & 0xfffffffffffffull) | 0x3ff0000000000000ull);  // 1 to 2
  if (mantissa > 1.4142135623730951) mantissa *= 0.5, count += 1;
  double s = (mantissa - 1) / (mantissa + 1), square = s * s;  // ln m = 2 (s + s^3 / 3 + s^5 / 5 + ...)
  double sum = 1.0 / 23;
  for (int i = 21; i > 0; i -= 2) sum = sum * square + 1.0 / i;
  return x - x + (count * LN2_HIGH + (count * LN2_LOW + 2 * s * sum));
}

struct Metrics {
  double loss = 0;  // cross-entropy in nats, summed over images
  int64_t correct = 0;
};

// Adds the loss of a group's images to `metrics`, and writes its gradients [classes][16], `scale` times: softmax less
// target, which is smoothing / classes for each class and 1 - smoothing more for the label. `logits` are [classes][16].
void cross_entropy(const float* logits, const int* labels, int images, size_t classes, double smoothing, double scale,
                   double* powers, float* gradients, Metrics& metrics) {
  float largest[GROUP];
  int winner[GROUP] = {};
  double shifts[GROUP] = {}, sums[GROUP] = {};  // of the logits less the largest; of their exponentials
  std::copy_n(logits, GROUP, largest);
  for (size_t c = 1; c < classes; ++c)
    for (int lane = 0; lane < GROUP; ++lane)
      if (logits[c * GROUP + lane] > largest[lane]) largest[lane] = logits[c * GROUP + lane], winner[lane] = int(c);
  for (size_t c = 0; c < classes; ++c)
    for (int lane = 0; lane < GROUP; ++lane) {
      double shifted = double(logits[c * GROUP + lane]) - largest[lane];
      shifts[lane] += shifted;
      sums[lane] += powers[c * GROUP + lane] = exponential(shifted);
    }
  double others = smoothing / double(classes);
  for (int lane = 0; lane < images; ++lane) {
    double log_sum = logarithm(sums[lane]);
    double own = double(logits[labels[lane] * GROUP + lane]) - largest[lane];
    double mean = shifts[lane] / double(classes);
    metrics.loss += (1 - smoothing) * (log_sum - own) + smoothing * (log_sum - mean);
    metrics.correct += winner[lane] == labels[lane];
  }
  for (size_t c = 0; c < classes; ++c)
    for (int lane = 0; lane < GROUP; ++lane) {
      double target = others + (int(c) == labels[lane] ? 1 - smoothing : 0);
      double gradient = (powers[c * GROUP + lane] / sums[lane] - target) * scale;
      gradients[c * GROUP + lane] = lane < images ? float(gradient) : 0;
    }
}

// ---- Whole numbers of 2^-40 ----

constexpr double UNIT = 0x1p40, LARGEST = 0x1p62;  // of the sum over all shards of a step

// A number up to LARGEST rounded to a whole one, to nearest even: its high 32 bits, then the rest, both by WHOLE,
// because AVX2 cannot convert double to int64. Of a larger number, or NaN, the result is meaningless.
inline uint64_t to_whole(double number) {
  double high = number * 0x1p-32 + WHOLE;
  double low = number - (high - WHOLE) * 0x1p32 + WHOLE;
  return (to_bits(high) << 32) + to_bits(low) - (to_bits(WHOLE) + (to_bits(WHOLE) << 32));
}

// Adds `numbers`, rounded to whole ones, to `total`. Returns the largest bits of a number without its sign: they
// compare as numbers do, and those of infinity and NaN are above all others.
inline __attribute__((always_inline)) int32_t add_whole(const float* __restrict numbers, size_t count,
                                                        int64_t* __restrict total) {
  int32_t largest = 0;
  for (size_t i = 0; i < count; ++i) {
    int32_t bits;
    std::memcpy(&bits, &numbers[i], sizeof bits);
    largest = std::max(largest, bits & 0x7fffffff);
    total[i] = int64_t(uint64_t(total[i]) + to_whole(numbers[i]));
  }
  return largest;
}

inline int32_t bits_of(float number) {
  int32_t bits;
  std::memcpy(&bits, &number, sizeof bits);
  return bits;
}

// ---- Images ----

// The data set, image by image.
class Images {
 public:
  explicit Images(const LenetData& data) : data_(data) {
    for (int channel = 0; channel < data.channels; ++channel)
      for (int level = 0; level < 256; ++level)
        table_[channel][level] = (float(level) / 255 - data.mean[channel]) / data.std[channel];
  }

  int label(int64_t image) const {
    int64_t label = data_.label_bytes == 1 ? static_cast<const uint8_t*>(data_.labels)[image]
                                           : static_cast<const int32_t*>(data_.labels)[image];
    if (label < 0 || label >= data_.classes)
      throw std::out_of_range("the label of image " + std::to_string(image) + " is " + std::to_string(label) +
                              ", the network has classes 0 to " + std::to_string(data_.classes - 1));
    return int(label);
  }

  void check(int64_t image) const {
    if (image < 0 || image >= data_.images)
      throw std::out_of_range("there is no image " + std::to_string(image) + " of " + std::to_string(data_.images));
  }

  // Writes a row of a channel of an image to its lane of `out` [column][lane], normalised. With `draws` the image is
  // moved, then mirrored, and what comes in from outside is black.
  void load(int64_t image, const int32_t* draws, size_t channel, size_t row, float* out) const {
    const int64_t height = data_.height, width = data_.width, channels = data_.channels;
    const float* table = table_[channel];
    const uint8_t* pixels = data_.pixels + image * height * width * channels + channel;
    if (!draws) {
      pixels += row * width * channels;
      for (int64_t column = 0; column < width; ++column) out[column * LANES] = table[pixels[column * channels]];
      return;
    }
    const bool is_mirrored = draws[image];
    const int64_t y = int64_t(row) - draws[data_.images + image], right = draws[2 * data_.images + image];
    for (int64_t column = 0; column < width; ++column) {
      int64_t x = is_mirrored ? width - 1 - (column - right) : column - right;
      bool is_inside = y >= 0 && y < height && x >= 0 && x < width;
      out[column * LANES] = table[is_inside ? pixels[(y * width + x) * channels] : 0];
    }
  }

 private:
  const LenetData& data_;
  float table_[4][256];
};

// ---- A group ----

constexpr int BLOCK1 = HAS_32_REGISTERS ? 6 : 3;  // channels of the first convolution that are computed at a time,
constexpr int BLOCK2 = HAS_32_REGISTERS ? 4 : 2;  // of the second,
constexpr int WEIGHTS_BLOCK1 = HAS_32_REGISTERS ? 3 : 2, WEIGHTS_BLOCK2 = 4;  // and for the gradients of their weights

// Computes groups of images in one thread. Its arrays are kept from one to the next.
class Group {
 public:
  Group(const Network& network, const float* weights) : net_(network), weights_(weights) {
    static thread_local Memory memory;
    in_ = memory.in.get(network.pixels() * PARTS);
    pool1_ = memory.pool1.get(network.pools1() * PARTS), choice1_ = memory.choice1.get(network.pools1() * PARTS);
    choice2_ = memory.choice2.get(network.dense[0].inputs * PARTS);
    for (int layer = 0; layer < 3; ++layer)
      dense_in_[layer] = memory.dense_in[layer].get(network.dense[layer].inputs * PARTS);
    logits_ = memory.logits.get(network.classes * PARTS);
    flat_gradients_ = memory.flat_gradients.get(network.dense[0].inputs * PARTS);
    pool1_gradients_ = memory.pool1_gradients.get(network.pools1());
    unpooled_ = memory.unpooled.get(std::max(CONV2 * 2 * network.rows2 * (network.width1 + 2), 4 * network.pools1()));
    powers_ = memory.powers.get(network.classes * GROUP);
    pack(memory);
  }

  // The logits [classes][16] of the images `rows` (count,), changed as `draws` says.
  const float* forward(const Images& images, const int64_t* rows, int count, const int32_t* draws) {
    for (int lane = 0; lane < count; ++lane) images.check(rows[lane]);
    for (int part = 0; part < PARTS; ++part) {
      load(images, rows, count, draws, part);
      for (size_t c = 0; c < CONV1; c += BLOCK1) {
        const size_t place = pool1(part).place(c, 0, 0);
        const Planes out = {pool1(part).data + place, net_.rows1, net_.width1, 1};
        convolve<KERNEL1, BLOCK1>(in(part), net_.channels, packed1_ + c * net_.channels * TAPS1,
                                  weights_ + net_.bias1 + c, out, choice1(part) + place, net_.columns1);
      }
      for (size_t c = 0; c < CONV2; c += BLOCK2) {
        Planes out = {dense_in_[0] + part, net_.rows2, net_.columns2, PARTS};
        const size_t place = out.place(c, 0, 0);
        out.data += place;
        convolve<KERNEL2, BLOCK2>(pool1(part), CONV1, packed2_ + c * CONV1 * TAPS2, weights_ + net_.bias2 + c, out,
                                  choice2_ + part + place, net_.columns2);
      }
    }
    dense_forward(net_.dense[0], weights_, dense_in_[0], dense_in_[1], true);
    dense_forward(net_.dense[1], weights_, dense_in_[1], dense_in_[2], true);
    dense_forward(net_.dense[2], weights_, dense_in_[2], logits_, false);
    return reinterpret_cast<const float*>(logits_);
  }

  // After `forward`: adds to the sums per lane, `lanes` [parameter][16], and writes what the gradients of dense weights
  // are made of: `inputs` [panel][image][PANEL], with `shard` images a panel, and `unit_gradients` [unit_row][16].
  void backward(const int* labels, int images, double smoothing, double scale, Metrics& metrics, float* lanes,
                float* inputs, size_t shard, float* unit_gradients) {
    Floats* sums = reinterpret_cast<Floats*>(lanes);
    cross_entropy(reinterpret_cast<const float*>(logits_), labels, images, net_.classes, smoothing, scale, powers_,
                  unit_gradients + net_.dense[2].unit_row * GROUP, metrics);
    for (int layer = 2; layer >= 0; --layer) {
      const Dense& dense = net_.dense[layer];
      const Floats* gradients = reinterpret_cast<const Floats*>(unit_gradients + dense.unit_row * GROUP);
      for (size_t i = 0; i < dense.units * PARTS; ++i) sums[net_.bias_lanes[layer] * PARTS + i] += gradients[i];
      transpose(layer, images, inputs + dense.input_row * shard, shard);
      float* before = layer ? unit_gradients + net_.dense[layer - 1].unit_row * GROUP : nullptr;
      dense_backward(dense, weights_, gradients, layer ? dense_in_[layer] : nullptr,
                     layer ? reinterpret_cast<Floats*>(before) : flat_gradients_);
    }
    for (int part = 0; part < PARTS; ++part) {
      second_backward(part, sums + part);
      first_backward(part, sums + part);
    }
  }

 private:
  void load(const Images& images, const int64_t* rows, int count, const int32_t* draws, int part) {
    for (size_t channel = 0; channel < net_.channels; ++channel)
      for (size_t row = 0; row < net_.height; ++row)
        for (int lane = 0; lane < LANES; ++lane) {
          const int number = part * LANES + lane;
          float* out = reinterpret_cast<float*>(in(part).data + in(part).place(channel, row, 0)) + lane;
          images.load(rows[number < count ? number : 0], draws, channel, row, out);
        }
  }

  // The inputs of a dense layer, [input][16], as panels [panel][image][PANEL].
  void transpose(int layer, int images, float* out, size_t shard) const {
    const float* in = reinterpret_cast<const float*>(dense_in_[layer]);
    for (size_t panel = 0, inputs = net_.dense[layer].inputs; panel < inputs; panel += PANEL)
      for (int image = 0; image < images; ++image)
        for (size_t i = 0, count = std::min<size_t>(PANEL, inputs - panel); i < count; ++i)
          out[panel * shard + image * PANEL + i] = in[(panel + i) * GROUP + image];
  }

  // Of the second convolution: adds the gradients of its parameters to `sums`, writes pool1_gradients_.
  void second_backward(int part, Floats* sums) {
    const size_t margin = KERNEL2 - 1, columns = 2 * net_.columns2;
    Planes unpooled = {unpooled_, 2 * net_.rows2, net_.width1 + margin, 1};
    unpool({flat_gradients_ + part, net_.rows2, net_.columns2, PARTS}, choice2_ + part, CONV2, net_.columns2, unpooled,
           margin, sums + net_.bias2 * PARTS);
    for (size_t input = 0; input < CONV1; input += BLOCK1) {
      const Planes out = {pool1_gradients_, net_.rows1, net_.width1, 1};
      convolution_input_gradients<BLOCK1>(unpooled, packed_back_ + input * CONV2 * TAPS2,
                                          {out.data + out.place(input, 0, 0), out.rows, out.width, 1});
    }
    for (size_t c = 0; c < CONV2; c += WEIGHTS_BLOCK2)
      for (size_t input = 0; input < CONV1; ++input)
        convolution_weight_gradients<KERNEL2, WEIGHTS_BLOCK2>(
            {pool1(part).data + pool1(part).place(input, 0, 0), net_.rows1, net_.width1, 1},
            {unpooled_ + unpooled.place(c, 0, margin), unpooled.rows, unpooled.width, 1}, columns,
            sums + (net_.weight2 + (c * CONV1 + input) * TAPS2) * PARTS, CONV1 * TAPS2 * PARTS);
  }

  // Of the first: adds the gradients of its parameters to `sums`.
  void first_backward(int part, Floats* sums) {
    const size_t columns = 2 * net_.columns1;
    Planes unpooled = {unpooled_, 2 * net_.rows1, columns, 1};
    unpool({pool1_gradients_, net_.rows1, net_.width1, 1}, choice1(part), CONV1, net_.columns1, unpooled, 0,
           sums + net_.bias1 * PARTS);
    for (size_t c = 0; c < CONV1; c += WEIGHTS_BLOCK1)
      for (size_t input = 0; input < net_.channels; ++input)
        convolution_weight_gradients<KERNEL1, WEIGHTS_BLOCK1>(
            {in(part).data + in(part).place(input, 0, 0), net_.height, net_.width, 1},
            {unpooled_ + unpooled.place(c, 0, 0), unpooled.rows, columns, 1}, columns,
            sums + (net_.weight1 + (c * net_.channels + input) * TAPS1) * PARTS, net_.channels * TAPS1 * PARTS);
  }

  Planes in(int part) const { return {in_ + part * net_.pixels(), net_.height, net_.width, 1}; }
  Planes pool1(int part) const { return {pool1_ + part * net_.pools1(), net_.rows1, net_.width1, 1}; }
  Ints* choice1(int part) const { return choice1_ + part * net_.pools1(); }

  struct Memory {
    Buffer<Floats> in, pool1, dense_in[3], logits, flat_gradients, pool1_gradients, unpooled;
    Buffer<Ints> choice1, choice2;
    Buffer<double> powers;
    Buffer<float> packed1, packed2, packed_back;
  };

  // Copies the convolutions' weights in the order in which they are read: a block of outputs, or of inputs, innermost.
  void pack(Memory& memory) {
    const size_t inputs = net_.channels, weights1 = CONV1 * inputs * TAPS1, weights2 = CONV2 * CONV1 * TAPS2;
    packed1_ = memory.packed1.get(weights1), packed2_ = memory.packed2.get(weights2);
    packed_back_ = memory.packed_back.get(weights2);
    pack(weights_ + net_.weight1, CONV1, inputs * TAPS1, BLOCK1, packed1_);
    pack(weights_ + net_.weight2, CONV2, CONV1 * TAPS2, BLOCK2, packed2_);
    for (size_t output = 0; output < CONV2; ++output)
      for (size_t input = 0; input < CONV1; ++input)
        for (size_t tap = 0; tap < TAPS2; ++tap)
          packed_back_[((input / BLOCK1 * CONV2 + output) * TAPS2 + tap) * BLOCK1 + input % BLOCK1] =
              weights_[net_.weight2 + (output * CONV1 + input) * TAPS2 + tap];
  }

  // [output][size] to [block of outputs][size][output].
  static void pack(const float* weights, size_t outputs, size_t size, size_t block, float* out) {
    for (size_t output = 0; output < outputs; ++output)
      for (size_t i = 0; i < size; ++i)
        out[(output / block * size + i) * block + output % block] = weights[output * size + i];
  }

  const Network& net_;
  const float* weights_;
  Floats *in_, *pool1_;            // [part][channel][row][column]
  Floats *dense_in_[3], *logits_;  // [unit][part]
  Ints *choice1_, *choice2_;       // as pool1_; as dense_in_[0]
  Floats* flat_gradients_;         // of dense_in_[0]
  Floats* pool1_gradients_;        // of a part of pool1_
  Floats* unpooled_;               // gradients of a convolution's output
  double* powers_;                 // exponentials of logits
  float *packed1_, *packed2_, *packed_back_;
};

// ---- Gradients of a step's shards ----

// Computes LenetGradients, in waves of shards that fit into memory. First the threads share the shards of the wave and
// compute their groups; then they share the parameters, and sum the gradients of each over the images of each shard and
// over the shards. So no thread needs a vector of sums of its own.
class Run {
 public:
  explicit Run(const LenetGradients& task)
      : task_(task),
        net_(task.data),
        images_(task.data),
        scale_(UNIT / double(task.step_images)),
        limit_(bits_of(float(LARGEST / double(task.step_shards)))),
        shard_(std::min(task.shard, task.count)) {
    groups_ = (shard_ + GROUP - 1) / GROUP;
    int64_t shard_bytes = shard_ * int64_t(net_.input_row) * 4 + groups_ * int64_t(net_.unit_row) * GROUP * 4 + 1;
    wave_ = std::max<int64_t>(task.threads, WAVE_BYTES / shard_bytes);
  }

  void compute() {
    if (task_.total_length < int64_t(net_.parameters) + METRICS)
      throw std::invalid_argument("the total has " + std::to_string(task_.total_length) + " numbers");
    std::fill_n(task_.total, task_.total_length, 0);
    if (task_.count == 0) return;
    const int64_t shards = (task_.count + shard_ - 1) / shard_;
    const int64_t most = std::min(wave_, shards);
    inputs_ = memory().inputs.get(most * shard_ * net_.input_row);
    unit_gradients_ = memory().unit_gradients.get(most * groups_ * net_.unit_row * GROUP);
    sums_ = memory().sums.get(most * net_.lanes);
    for (first_ = 0; first_ < shards; first_ += wave_) {
      size_ = std::min(wave_, shards - first_);
      largest_ = std::vector<std::atomic<int32_t>>(size_);
      metrics_.assign(size_, Metrics());
      next_ = 0;
      Workers::get().run(int(std::min<int64_t>(task_.threads, size_)), [this] { compute_shards(); });
      next_ = 0;
      Workers::get().run(task_.threads, [this] { add_parameters(); });
      add_metrics();
    }
  }

 private:
  static constexpr int64_t WAVE_BYTES = 32 << 20;

  int64_t images_of(int64_t shard) const { return std::min(shard_, task_.count - (first_ + shard) * shard_); }

  void compute_shards() {
    Group group(net_, task_.weights);
    float* lanes = memory().lanes.get(net_.lanes * GROUP);
    for (int64_t shard; (shard = next_++) < size_;) {
      std::fill_n(lanes, net_.lanes * GROUP, 0.0f);
      const int32_t* rows = task_.rows + (first_ + shard) * shard_;
      for (int64_t begin = 0, end = images_of(shard); begin < end; begin += GROUP) {
        const int images = int(std::min<int64_t>(GROUP, end - begin));
        int labels[GROUP] = {};
        int64_t numbers[GROUP];
        std::copy_n(rows + begin, images, numbers);
        group.forward(images_, numbers, images, task_.draws);
        for (int lane = 0; lane < images; ++lane) labels[lane] = images_.label(numbers[lane]);
        group.backward(labels, images, task_.smoothing, scale_, metrics_[shard], lanes,
                       inputs_ + shard * shard_ * net_.input_row + begin * PANEL, shard_,
                       unit_gradients_ + (shard * groups_ + begin / GROUP) * net_.unit_row * GROUP);
      }
      for (size_t i = 0; i < net_.lanes; ++i) sums_[shard * net_.lanes + i] = add_lanes(lanes + i * GROUP);
    }
  }

  static float add_lanes(const float* lanes) {
    float sums[8];
    for (int i = 0; i < 8; ++i) sums[i] = lanes[i] + lanes[i + 8];
    for (int i = 0; i < 4; ++i) sums[i] += sums[i + 4];
    return (sums[0] + sums[2]) + (sums[1] + sums[3]);
  }

  // A unit of work is a panel of a dense layer's weights, or, as the last one, all that has sums per lane.
  void add_parameters() {
    for (int64_t unit; (unit = next_++) >= 0;) {
      int layer = 0;
      for (; layer < 3; ++layer) {
        const int64_t panels = (net_.dense[layer].inputs + PANEL - 1) / PANEL;
        if (unit < panels) break;
        unit -= panels;
      }
      if (layer < 3)
        for (int64_t shard = 0; shard < size_; ++shard) add_panel(net_.dense[layer], unit * PANEL, shard);
      else if (unit == 0)
        for (int64_t shard = 0; shard < size_; ++shard) add_sums(shard);
      else
        return;
    }
  }

  void add_panel(const Dense& dense, size_t input, int64_t shard) {
    const size_t count = std::min<size_t>(PANEL, dense.inputs - input);
    const float* inputs = inputs_ + shard_ * (shard * net_.input_row + dense.input_row + input);
    const float* gradients = unit_gradients_ + (shard * groups_ * net_.unit_row + dense.unit_row) * GROUP;
    int32_t largest = 0;
    in_blocks<LANES == 16 ? 6 : 3, 1>(0, dense.units, [&](size_t unit, auto block) {
      alignas(64) float sums[block][PANEL];
      dense_weight_gradients<block>(inputs, gradients + unit * GROUP, net_.unit_row, images_of(shard), sums);
      for (int u = 0; u < block; ++u) {
        int64_t* total = task_.total + dense.weight + (unit + u) * dense.inputs + input;
        largest =
            std::max(largest, count == PANEL ? add_whole(sums[u], PANEL, total) : add_whole(sums[u], count, total));
      }
    });
    note(shard, largest);
  }

  void add_sums(int64_t shard) {
    const float* sums = sums_ + shard * net_.lanes;
    note(shard, add_whole(sums, net_.bias2 + CONV2, task_.total));
    for (int layer = 0; layer < 3; ++layer)
      note(shard,
           add_whole(sums + net_.bias_lanes[layer], net_.dense[layer].units, task_.total + net_.dense[layer].bias));
  }

  void note(int64_t shard, int32_t largest) {
    int32_t before = largest_[shard];
    while (before < largest && !largest_[shard].compare_exchange_weak(before, largest)) {
    }
  }

  void add_metrics() {
    int64_t* metrics = task_.total + net_.parameters;
    for (int64_t shard = 0; shard < size_; ++shard) {
      double loss = metrics_[shard].loss * scale_;
      bool is_in_range = largest_[shard] <= limit_ && bits_of(float(std::fabs(loss))) <= limit_;
      if (is_in_range) metrics[0] += int64_t(to_whole(loss));
      metrics[1] += metrics_[shard].correct;
      metrics[2] += images_of(shard);
      metrics[3] += is_in_range;
    }
  }

  struct Memory {
    Buffer<float> inputs, unit_gradients, sums, lanes;
  };
  static Memory& memory() {
    static thread_local Memory memory;
    return memory;
  }

  const LenetGradients& task_;
  const Network net_;
  const Images images_;
  const double scale_;     // what a gradient and a loss are multiplied with
  const int32_t limit_;    // of a gradient, its bits
  const int64_t shard_;    // images
  int64_t groups_, wave_;  // groups in a shard; shards at a time
  int64_t first_, size_;   // of the shards at this time
  float *inputs_, *unit_gradients_, *sums_;
  std::vector<std::atomic<int32_t>> largest_;
  std::vector<Metrics> metrics_;
  std::atomic<int64_t> next_;
};

// ---- Logits ----

void compute_logits(const LenetLogits& task) {
  const Network network(task.data);
  const Images images(task.data);
  const int64_t groups = (task.count + GROUP - 1) / GROUP;
  const size_t classes = network.classes;
  std::atomic<int64_t> next{0};
  Workers::get().run(int(std::min<int64_t>(task.threads, groups)), [&] {
    Group group(network, task.weights);
    for (int64_t number; (number = next++) < groups;) {
      const int64_t begin = number * GROUP;
      const int count = int(std::min<int64_t>(GROUP, task.count - begin));
      int64_t rows[GROUP];
      for (int lane = 0; lane < count; ++lane) rows[lane] = task.begin + begin + lane;
      const float* logits = group.forward(images, rows, count, nullptr);
      for (int lane = 0; lane < count; ++lane)
        for (size_t c = 0; c < classes; ++c) task.logits[(begin + lane) * classes + c] = logits[c * GROUP + lane];
    }
  });
}

// ---- Update ----

double power(double base, int64_t exponent) {
  double result = 1;
  for (; exponent; exponent >>= 1, base *= base)
    if (exponent & 1) result *= base;
  return result;
}

inline float to_gradient(int64_t total) { return float(total) * float(1 / UNIT); }

// What shortens a gradient that is longer than `norm`. The square of its i-th number is added to sum i mod 16, in
// double; the sums are added as lanes are.
float clip_factor(const int64_t* total, int64_t count, double norm) {
  double sums[16] = {};
  for (int64_t i = 0; i < count; ++i) {
    double gradient = to_gradient(total[i]);
    sums[i % 16] += gradient * gradient;
  }
  for (int step = 8; step > 0; step /= 2)
    for (int i = 0; i < step; ++i) sums[i] += sums[i + step];
  return float(std::min(norm / std::sqrt(sums[0]), 1.0));
}

// The optimizers' rules for the gradients `g` of `count` weights `w`. Each line is operations on single floats, as they
// are written: the same lines in NumPy give the same bits.
void add_decay(float decay, int64_t count, const float* w, float* g) {
  for (int64_t i = 0; i < count; ++i) g[i] = g[i] + decay * w[i];
}

void sgd(float rate, int64_t count, const float* g, float* w) {
  for (int64_t i = 0; i < count; ++i) w[i] = w[i] - rate * g[i];
}

void nesterov(float rate, float momentum, int64_t count, const float* g, float* __restrict w, float* __restrict v) {
  for (int64_t i = 0; i < count; ++i) {
    v[i] = momentum * v[i] - rate * g[i];
    w[i] = w[i] + (momentum * v[i] - rate * g[i]);
  }
}

// `rate` has Adam's correction of the biased moments; `decay` is 0 but for AdamW.
void adam(const LenetUpdate& task, float rate, float decay, int64_t count, const float* g, float* __restrict w,
          float* __restrict mean, float* __restrict variance) {
  const float beta1 = float(task.beta1), beta2 = float(task.beta2), epsilon = float(task.epsilon);
  const float rest1 = float(1 - task.beta1), rest2 = float(1 - task.beta2);
  for (int64_t i = 0; i < count; ++i) {
    mean[i] = beta1 * mean[i] + rest1 * g[i];
    variance[i] = beta2 * variance[i] + rest2 * (g[i] * g[i]);
    w[i] = w[i] - (rate * mean[i] / (std::sqrt(variance[i]) + epsilon) + decay * w[i]);
  }
}

void update(const LenetUpdate& task) {
  const float factor = task.clip_norm > 0 ? clip_factor(task.total, task.count, task.clip_norm) : 1;
  const double corrected = std::sqrt(1 - power(task.beta2, task.step)) / (1 - power(task.beta1, task.step));
  constexpr int64_t BLOCK = 1024;
  float g[BLOCK];
  for (int64_t begin = 0; begin < task.count; begin += BLOCK) {
    const int64_t count = std::min(BLOCK, task.count - begin);
    float* w = task.weights + begin;
    for (int64_t i = 0; i < count; ++i) g[i] = to_gradient(task.total[begin + i]) * factor;
    if (task.rule != ADAMW) add_decay(float(task.weight_decay), count, w, g);
    if (task.rule == SGD)
      sgd(float(task.rate), count, g, w);
    else if (task.rule == NESTEROV)
      nesterov(float(task.rate), float(task.momentum), count, g, w, task.slot1 + begin);
    else
      adam(task, float(task.rate * corrected), task.rule == ADAMW ? float(task.rate * task.weight_decay) : 0, count, g,
           w, task.slot1 + begin, task.slot2 + begin);
  }
}

}  // namespace

// ---- What Python calls ----

#pragma GCC visibility push(default)
extern "C" {

// Functions for MXNet's engine: a context, which is not used, and a task. An exception is the engine's to pass on.
void lenet_gradients(void*, void* task) { Run(*static_cast<const LenetGradients*>(task)).compute(); }
void lenet_logits(void*, void* task) { compute_logits(*static_cast<const LenetLogits*>(task)); }
void lenet_update(void*, void* task) { update(*static_cast<const LenetUpdate*>(task)); }

// A copy of a task, for the engine to keep until it has been done; null without memory.
void* lenet_copy(const void* task, size_t size) {
  void* copy = std::malloc(size);
  return copy ? std::memcpy(copy, task, size) : nullptr;
}
void lenet_delete(void* task) { std::free(task); }

// The kind of vectors, and the SHA-256 of the source that this was built from.
const char* lenet_description() { return LENET_KIND " " LENET_SOURCE; }

}  // extern "C"

#pragma GCC visibility pop
