// LeNet-5 on a CPU: gradients of shards, updates of the weights, logits. The same bits on every processor.
//
// The network (lenet/model/lenet5.py): convolution 5x5 to 6 channels, ReLU, 2x2 max-pool, convolution 3x3 to 16
// channels, ReLU, 2x2 max-pool, dense 120, ReLU, dense 84, ReLU, dense `classes`. Parameters are one vector in the
// order of Gluon's names.
//
// LAYOUT. One image a vector lane: activations are [channel][row][column][lane]. A register has LANES floats: 16 with
// AVX-512, 8 with AVX2, 4 with NEON. Images are taken in groups of 16, whatever LANES is: a group is PARTS = 16 / LANES
// registers wide. The convolutions compute a part after the other; the dense layers, whose arrays are
// [unit][part][lane], the whole group. A group that the shard does not fill has lanes with a gradient of 0.
//
// ORDER OF ADDITION. It is part of the interface: change it, and every digest changes.
//   * x * w + sum is one rounding, `fma` below, wherever products are summed. Nothing else is fused: the file is
//   compiled
//     with -ffp-contract=off.
//   * Convolution, dense layer: begins with the bias, adds the inputs in the order of the weights in their vector.
//   * Gradient of a convolution's input: begins with 0; output channels, then kernel rows and columns, ascending. Of a
//     dense layer's input: begins with 0, units ascending.
//   * Gradient of a convolution's weight: each of the 16 lanes has a sum of its own, from 0, over the groups of the
//   shard
//     in order, then the rows and columns of the output in order. Of a bias, dense ones too: likewise, over the pools
//     and not the positions. At the end of the shard the lanes are added in a tree: l + (l + 8), then + 4, + 2, + 1.
//   * Gradient of a dense weight: from 0, over the images of the shard in order.
//   * A shard's gradient is a float. As a whole number of 2^-40, rounded to nearest even, it joins the other shards' in
//     int64, where no order of addition shows.
// What a position outside of the image or a ReLU that is off would add is a product with 0: it changes no sum.
//
// The loss is of double precision with an exp and a log of our own (`exponential`, `logarithm`), because those of C
// libraries differ.

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

// sum + x * w with one rounding. An instruction by name, because a compiler may contract a product and a sum or not, as
// its version and its tuning for a processor have it.
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

// ---- Sizes -------------------------------------------------------------------------------------------------------

constexpr int CONV1 = 6, KERNEL1 = 5, CONV2 = 16, KERNEL2 = 3, DENSE1 = 120, DENSE2 = 84;  // LeNet-5
constexpr int METRICS = 4;  // behind the gradients: loss, correct, images, shards in range
constexpr int PANEL = 32;  // inputs of a dense layer whose weights' gradients are summed at a time

inline size_t round_up(size_t number, size_t multiple) { return (number + multiple - 1) / multiple * multiple; }

// A dense layer, and where its weights, bias, inputs and gradients stand.
struct Dense {
  size_t inputs, units;
  size_t weight, bias;  // in the parameters
  size_t input_row;     // in the inputs of an image, for the gradients of the weights
  size_t unit_row;      // in the gradients of a group, [unit][16]
};

}  // namespace

extern "C" {

// Images as the data set holds them, and the network for them. Shapes: pixels (images, height, width, channels) uint8,
// labels (images,) of `label_bytes` 1 (uint8) or 4 (int32).
struct LenetData {
  const uint8_t* pixels;
  const void* labels;
  int64_t images, parameters;  // `parameters` numbers are in the vector of weights
  int32_t label_bytes, height, width, channels, classes;
  float mean[4], std[4];
};

// The gradients of the shards of a step that this rank computes: total (parameters + metrics,) int64 is overwritten
// with gradients as whole numbers of 2^-40; loss, likewise; correct; images; shards in range; and zeros.
struct LenetGradients {
  LenetData data;
  const float* weights;
  const int32_t* rows;   // (count,) the images of whole shards, the step's last one may be smaller
  const int32_t* draws;  // (3, images) mirrored, down, right; or null
  int64_t* total;
  int64_t count, shard, step_images, step_shards, total_length;
  double smoothing;
  int32_t threads;
};

// Logits (count, classes) float32 of the images from `begin` on.
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
  float *weights, *slot1, *slot2;  // momenta; mean and variance
  const int64_t* total;
  int64_t count, step;  // parameters; which step it is, from 1, for Adam
  LenetRule rule;
  double rate, weight_decay, momentum, beta1, beta2, epsilon, clip_norm;
};

}  // extern "C"

namespace {

struct Network {
  size_t height, width, channels, classes;
  size_t rows1, columns1, rows2, columns2;  // after the pools
  size_t weight1, bias1, weight2, bias2;    // in the parameters
  Dense dense[3];
  size_t parameters;
  size_t bias_lanes[3], lanes;  // where the dense biases stand behind the convolutions in `Scratch::lanes`
  size_t input_row, unit_row;   // lengths of these

  explicit Network(const LenetData& data)
      : height(data.height), width(data.width), channels(data.channels), classes(data.classes) {
    if (data.height < 12 || data.width < 12 || data.channels < 1 || data.channels > 4 || data.classes < 1)
      throw std::invalid_argument("LeNet-5 takes images of 12 x 12 pixels or more, of 1 to 4 channels");
    rows1 = (height - 4) / 2, columns1 = (width - 4) / 2;
    rows2 = (rows1 - 2) / 2, columns2 = (columns1 - 2) / 2;
    weight1 = 0, bias1 = weight1 + CONV1 * channels * KERNEL1 * KERNEL1;
    weight2 = bias1 + CONV1, bias2 = weight2 + CONV2 * CONV1 * KERNEL2 * KERNEL2;
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
};

// Memory of a thread or a call, aligned for any register, that grows and is kept.
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

// Call f(begin, size) for blocks of a range: as many as fit of the first size, then of the next, down to 1.
template <int size, int... smaller, class F>
inline void in_blocks(size_t begin, size_t end, F f) {
  for (; begin + size <= end; begin += size) f(begin, std::integral_constant<int, size>());
  if constexpr (sizeof...(smaller) > 0) in_blocks<smaller...>(begin, end, f);
}

// ---- Convolutions: a part of a group
// ---------------------------------------------------------------------------------

// Convolution of `in` [inputs][..][in_width] with C channels, 2x2 max-pool, ReLU: C planes of `out`, a position each
// `out_step` registers. `choice` says which of the four was the largest, the first of equals, in the order of rows; 4
// where ReLU is off. `weights` are [input][kernel row][kernel column][C].
template <int K, int C>
void convolve(const Floats* in, size_t inputs, size_t in_height, size_t in_width, const float* weights,
              const float* bias, size_t rows, size_t columns, Floats* out, Ints* choice, size_t out_step) {
  for (size_t row = 0; row < rows; ++row)
    for (size_t column = 0; column < columns; ++column) {
      Floats sums[4][C];
      for (int position = 0; position < 4; ++position)
        for (int c = 0; c < C; ++c) sums[position][c] = splat(bias[c]);
      const float* weight = weights;
      for (size_t input = 0; input < inputs; ++input)
        for (int y = 0; y < K; ++y) {
          const Floats* corner = in + (input * in_height + 2 * row + y) * in_width + 2 * column;
          for (int x = 0; x < K; ++x, weight += C)
            for (int position = 0; position < 4; ++position) {
              Floats pixel = corner[position / 2 * in_width + position % 2 + x];
              for (int c = 0; c < C; ++c) sums[position][c] = fma(pixel, splat(weight[c]), sums[position][c]);
            }
        }
      for (int c = 0; c < C; ++c) {
        Floats largest = sums[0][c];
        Ints chosen = {};
        for (int position = 1; position < 4; ++position) {
          Ints stays = sums[position][c] <= largest;  // not if one is no number, so that it is passed on
          largest = stays ? largest : sums[position][c];
          chosen = stays ? chosen : position - Ints{};
        }
        Ints off = largest <= 0;
        size_t place = ((c * rows + row) * columns + column) * out_step;
        out[place] = off ? Floats{} : largest;
        choice[place] = off ? 4 - Ints{} : chosen;
      }
    }
}

// The gradients of pools, `pooled`, back at the positions that were chosen: `full` has rows of `full_width`, the first
// position at `margin`, zeros around. Adds them up in `bias`, a register each PARTS for a channel.
void spread(const Floats* pooled, const Ints* choice, size_t step, size_t channels, size_t rows, size_t columns,
            size_t pooled_width, Floats* full, size_t full_width, size_t margin, Floats* bias) {
  for (size_t channel = 0; channel < channels; ++channel) {
    Floats sum = bias[channel * PARTS];
    for (size_t row = 0; row < rows; ++row, full += 2 * full_width) {
      for (size_t x = 0; x < margin; ++x) full[x] = full[full_width + x] = Floats{};
      for (size_t x = margin + 2 * columns; x < full_width; ++x) full[x] = full[full_width + x] = Floats{};
      for (size_t column = 0; column < columns; ++column) {
        Floats gradient = pooled[((channel * rows + row) * pooled_width + column) * step];
        Ints chosen = choice[((channel * rows + row) * columns + column) * step];
        for (int position = 0; position < 4; ++position)
          full[position / 2 * full_width + margin + 2 * column + position % 2] =
              chosen == position ? gradient : Floats{};
        sum += chosen == 4 ? Floats{} : gradient;
      }
    }
    bias[channel * PARTS] = sum;
  }
}

// Adds to `sums` [C][..][K][K] the gradients of the weights from one input plane to C channels, whose gradients are
// `ahead`.
template <int K, int C>
void add_weight_gradients(const Floats* in, size_t in_width, const Floats* ahead, size_t plane, size_t width,
                          size_t rows, size_t columns, Floats* sums, size_t channel_step) {
  for (int y = 0; y < K; ++y) {
    Floats partial[C][K];
    for (int c = 0; c < C; ++c)
      for (int x = 0; x < K; ++x) partial[c][x] = sums[c * channel_step + (y * K + x) * PARTS];
    for (size_t row = 0; row < rows; ++row)
      for (size_t column = 0; column < columns; ++column) {
        const Floats* pixels = in + (row + y) * in_width + column;
        for (int c = 0; c < C; ++c) {
          Floats gradient = ahead[c * plane + row * width + column];
          for (int x = 0; x < K; ++x) partial[c][x] = fma(pixels[x], gradient, partial[c][x]);
        }
      }
    for (int c = 0; c < C; ++c)
      for (int x = 0; x < K; ++x) sums[c * channel_step + (y * K + x) * PARTS] = partial[c][x];
  }
}

// The gradients of C input planes of the second convolution, `out` with rows of `out_width`, a multiple of 4, from
// those of its `ahead_rows` output rows, which have 2 zeros on the left and enough on the right. `weights` are
// [output][kernel row][kernel column][C].
template <int C>
void input_gradients(const Floats* ahead, size_t ahead_rows, size_t ahead_width, const float* weights, size_t rows,
                     size_t out_width, Floats* out) {
  constexpr int K = KERNEL2;
  for (size_t row = 0; row < rows; ++row) {
    int first = row < ahead_rows ? 0 : int(row - ahead_rows + 1), last = std::min<int>(row, K - 1);
    for (size_t column = 0; column < out_width; column += 4) {
      Floats sums[4][C] = {};
      for (size_t output = 0; output < CONV2; ++output)
        for (int y = first; y <= last; ++y) {
          const Floats* line = ahead + (output * ahead_rows + row - y) * ahead_width + column + K - 1;
          const float* weight = weights + (output * K + y) * K * C;
#pragma GCC unroll 1
          for (int x = 0; x < K; ++x, weight += C)
            for (int position = 0; position < 4; ++position) {
              Floats gradient = line[position - x];
              for (int c = 0; c < C; ++c) sums[position][c] = fma(gradient, splat(weight[c]), sums[position][c]);
            }
        }
      for (int position = 0; position < 4; ++position)
        for (int c = 0; c < C; ++c) out[(c * rows + row) * out_width + column + position] = sums[position][c];
    }
  }
}

// ---- Dense layers: a whole group
// ---------------------------------------------------------------------------------------

constexpr int BLOCK = PARTS == 1 ? 12 : 6;  // units, or inputs, that are computed at a time

// `out` [units][PARTS] of `in` [inputs][PARTS].
void dense_forward(const Dense& layer, const float* parameters, const Floats* in, Floats* out, bool has_relu) {
  in_blocks<BLOCK, 2, 1>(0, layer.units, [&](size_t unit, auto block) {
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

// `back` [inputs][PARTS] of `ahead` [units][PARTS]; where the layer's input `in` is given, 0 where its ReLU was off.
void dense_backward(const Dense& layer, const float* parameters, const Floats* ahead, const Floats* in, Floats* back) {
  in_blocks<BLOCK, 2, 1>(0, layer.inputs, [&](size_t input, auto block) {
    constexpr int I = block;
    const float* weight = parameters + layer.weight + input;
    Floats sums[I][PARTS] = {};
    for (size_t unit = 0; unit < layer.units; ++unit, weight += layer.inputs)
      for (int i = 0; i < I; ++i)
        for (int part = 0; part < PARTS; ++part)
          sums[i][part] = fma(ahead[unit * PARTS + part], splat(weight[i]), sums[i][part]);
    for (int i = 0; i < I; ++i)
      for (int part = 0; part < PARTS; ++part) {
        size_t place = (input + i) * PARTS + part;
        back[place] = sums[i][part];
        if (in) back[place] = in[place] <= 0 ? Floats{} : back[place];
      }
  });
}

// The gradients of the dense weights from a panel `in` [image][PANEL] of inputs to U units over the `images` of a
// shard. `ahead` has a group after the other, each [unit][16].
template <int U>
void dense_weight_gradients(const float* in, const float* ahead, size_t unit_row, size_t images, float (*out)[PANEL]) {
  constexpr int REGISTERS = PANEL / LANES;
  Floats sums[U][REGISTERS] = {};
  for (size_t image = 0; image < images; ++image) {
    const Floats* inputs = reinterpret_cast<const Floats*>(in + image * PANEL);
    const float* gradients = ahead + image / GROUP * unit_row * GROUP + image % GROUP;
    for (int i = 0; i < REGISTERS; ++i)
      for (int u = 0; u < U; ++u) sums[u][i] = fma(inputs[i], splat(gradients[u * GROUP]), sums[u][i]);
  }
  std::memcpy(out, sums, sizeof(sums));
}

// ---- Loss
// --------------------------------------------------------------------------------------------------------------

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

constexpr double WHOLE =
    0x1.8p52;  // added to a number below 2^51, it rounds it to a whole one: that is in the low bits
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

// The loss of the group's `images`, and its gradients `ahead` [classes][16] in `scale`: softmax - target, the target
// 1 - smoothing + smoothing / classes for the label, smoothing / classes for others. `logits` are [classes][16].
void cross_entropy(const float* logits, const int* labels, int images, size_t classes, double smoothing, double scale,
                   double* powers, float* ahead, Metrics& metrics) {
  float largest[GROUP];
  int winner[GROUP] = {};
  double shift[GROUP] = {}, sum[GROUP] = {};  // of the logits less the largest; of e to them
  std::copy_n(logits, GROUP, largest);
  for (size_t c = 1; c < classes; ++c)
    for (int lane = 0; lane < GROUP; ++lane)
      if (logits[c * GROUP + lane] > largest[lane]) largest[lane] = logits[c * GROUP + lane], winner[lane] = int(c);
  for (size_t c = 0; c < classes; ++c)
    for (int lane = 0; lane < GROUP; ++lane) {
      double shifted = double(logits[c * GROUP + lane]) - largest[lane];
      shift[lane] += shifted;
      sum[lane] += powers[c * GROUP + lane] = exponential(shifted);
    }
  double others = smoothing / double(classes);
  for (int lane = 0; lane < images; ++lane) {
    double log_sum = logarithm(sum[lane]);
    double own = double(logits[labels[lane] * GROUP + lane]) - largest[lane];
    double mean = shift[lane] / double(classes);
    metrics.loss += (1 - smoothing) * (log_sum - own) + smoothing * (log_sum - mean);
    metrics.correct += winner[lane] == labels[lane];
  }
  for (size_t c = 0; c < classes; ++c)
    for (int lane = 0; lane < GROUP; ++lane) {
      double target = others + (int(c) == labels[lane] ? 1 - smoothing : 0);
      double gradient = (powers[c * GROUP + lane] / sum[lane] - target) * scale;
      ahead[c * GROUP + lane] = lane < images ? float(gradient) : 0;
    }
}

// ---- Whole numbers of 2^-40
// ----------------------------------------------------------------------------------------------

constexpr double UNIT = 0x1p40, LARGEST = 0x1p62;  // of the sum over all shards of a step

// A number up to LARGEST as a whole one, rounded to nearest even: its high half, then its low half, each by WHOLE.
// Without a conversion from double to int64, which AVX2 has not. A larger one, or none, gives any number.
inline uint64_t to_whole(double number) {
  double high = number * 0x1p-32 + WHOLE;
  double low = number - (high - WHOLE) * 0x1p32 + WHOLE;
  return (to_bits(high) << 32) + to_bits(low) - (to_bits(WHOLE) + (to_bits(WHOLE) << 32));
}

// Adds numbers to whole ones. Returns the bits of the largest of them without its sign, of which those of infinity, and
// of what is no number, are greater than all others.
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

// ---- Images
// -----------------------------------------------------------------------------------------------------------

// What is to be had of the data set, image by image.
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

  // Writes a row of an image's channel into its lane of `out` [column][lane], normalised; moved and mirrored if there
  // are `draws`. What is moved in from outside is black.
  void load(int64_t image, const int32_t* draws, size_t channel, size_t row, float* out) const {
    const int64_t height = data_.height, width = data_.width, channels = data_.channels;
    const float* table = table_[channel];
    const int64_t source = int64_t(row) - (draws ? draws[data_.images + image] : 0);
    const uint8_t* line = data_.pixels + (image * height + source) * width * channels + channel;
    if (!draws) {
      for (int64_t column = 0; column < width; ++column) out[column * LANES] = table[line[column * channels]];
      return;
    }
    const bool is_mirrored = draws[image], is_outside = source < 0 || source >= height;
    const int64_t right = draws[2 * data_.images + image];
    for (int64_t column = 0; column < width; ++column) {
      int64_t place = is_mirrored ? width - 1 - (column - right) : column - right;
      out[column * LANES] = table[is_outside || place < 0 || place >= width ? 0 : line[place * channels]];
    }
  }

 private:
  const LenetData& data_;
  float table_[4][256];
};

// ---- A group
// --------------------------------------------------------------------------------------------------------------

constexpr int BLOCK1 = HAS_32_REGISTERS ? 6 : 3;   // channels at a time: of the first convolution,
constexpr int BLOCK2 = HAS_32_REGISTERS ? 4 : 2;   // of the second
constexpr int SLOPES1 = HAS_32_REGISTERS ? 3 : 2;  // and for the gradients of their weights
constexpr int SLOPES2 = 4;

// Computes groups of images, in one thread; its arrays are that thread's.
class Group {
 public:
  Group(const Network& network, const float* weights) : net_(network), weights_(weights) {
    const size_t pixels = network.channels * network.height * network.width;
    const size_t pools1 = CONV1 * network.rows1 * network.columns1;
    width1_ = round_up(network.columns1, 4), width2_ = width1_ + 2;
    in_ = memory().in.get(pixels * PARTS);
    pool1_ = memory().pool1.get(pools1 * PARTS), choice1_ = memory().choice1.get(pools1 * PARTS);
    choice2_ = memory().choice2.get(network.dense[0].inputs * PARTS);
    for (int layer = 0; layer < 3; ++layer)
      dense_in_[layer] = memory().dense_in[layer].get(network.dense[layer].inputs * PARTS);
    logits_ = memory().logits.get(network.classes * PARTS);
    back_ = memory().back.get(network.dense[0].inputs * PARTS);
    back1_ = memory().back1.get(CONV1 * network.rows1 * width1_);
    full_ = memory().full.get(std::max(CONV2 * 2 * network.rows2 * width2_, 4 * pools1));
    powers_ = memory().powers.get(network.classes * GROUP);
    pack();
  }

  // The logits [classes][16] of those images of the data set: `rows` (count,), moved and mirrored by `draws`.
  const float* forward(const Images& images, const int64_t* rows, int count, const int32_t* draws) {
    const size_t pixels = net_.channels * net_.height * net_.width, pools1 = CONV1 * net_.rows1 * net_.columns1;
    for (int lane = 0; lane < count; ++lane) images.check(rows[lane]);
    for (int part = 0; part < PARTS; ++part)
      for (size_t line = 0; line < net_.channels * net_.height; ++line)
        for (int lane = 0; lane < LANES; ++lane) {  // one without an image computes the first
          int64_t image = rows[part * LANES + lane < count ? part * LANES + lane : 0];
          images.load(image, draws, line / net_.height, line % net_.height,
                      reinterpret_cast<float*>(in_ + part * pixels + line * net_.width) + lane);
        }
    for (int part = 0; part < PARTS; ++part) {
      const Floats* in = in_ + part * pixels;
      Floats* pool1 = pool1_ + part * pools1;
      for (int c = 0; c < CONV1; c += BLOCK1) {
        size_t place = c * net_.rows1 * net_.columns1;
        convolve<KERNEL1, BLOCK1>(in, net_.channels, net_.height, net_.width, packed1_.data() + c * net_.channels * 25,
                                  weights_ + net_.bias1 + c, net_.rows1, net_.columns1, pool1 + place,
                                  choice1_ + part * pools1 + place, 1);
      }
      for (int c = 0; c < CONV2; c += BLOCK2) {
        size_t place = c * net_.rows2 * net_.columns2 * PARTS + part;
        convolve<KERNEL2, BLOCK2>(pool1, CONV1, net_.rows1, net_.columns1, packed2_ + c * CONV1 * 9,
                                  weights_ + net_.bias2 + c, net_.rows2, net_.columns2, dense_in_[0] + place,
                                  choice2_ + place, PARTS);
      }
    }
    dense_forward(net_.dense[0], weights_, dense_in_[0], dense_in_[1], true);
    dense_forward(net_.dense[1], weights_, dense_in_[1], dense_in_[2], true);
    dense_forward(net_.dense[2], weights_, dense_in_[2], logits_, false);
    return reinterpret_cast<const float*>(logits_);
  }

  // After `forward`: adds gradients to `lanes` [parameter][16], of what has lanes, and leaves what those of dense
  // weights are made of: `inputs` [panel][image][PANEL], where a panel has `shard` images, and `ahead` [unit_row][16].
  void backward(const int* labels, int images, double smoothing, double scale, Metrics& metrics, float* lanes,
                float* inputs, size_t shard, float* ahead) {
    Floats* sums = reinterpret_cast<Floats*>(lanes);
    cross_entropy(reinterpret_cast<const float*>(logits_), labels, images, net_.classes, smoothing, scale, powers_,
                  ahead + net_.dense[2].unit_row * GROUP, metrics);
    for (int layer = 2; layer >= 0; --layer) {
      const Dense& dense = net_.dense[layer];
      Floats* gradients = reinterpret_cast<Floats*>(ahead + dense.unit_row * GROUP);
      for (size_t i = 0; i < dense.units * PARTS; ++i) sums[net_.bias_lanes[layer] * PARTS + i] += gradients[i];
      const float* in = reinterpret_cast<const float*>(dense_in_[layer]);
      for (size_t panel = 0; panel < dense.inputs; panel += PANEL)
        for (int image = 0; image < images; ++image)
          for (size_t i = 0, count = std::min<size_t>(PANEL, dense.inputs - panel); i < count; ++i)
            inputs[(dense.input_row + panel) * shard + image * PANEL + i] = in[(panel + i) * GROUP + image];
      Floats* back = layer ? reinterpret_cast<Floats*>(ahead + net_.dense[layer - 1].unit_row * GROUP) : back_;
      dense_backward(dense, weights_, gradients, layer ? dense_in_[layer] : nullptr, back);
    }
    for (int part = 0; part < PARTS; ++part) convolutions_backward(part, sums + part);
  }

 private:
  void convolutions_backward(int part, Floats* sums) {
    const size_t pixels = net_.height * net_.width, plane1 = net_.rows1 * net_.columns1;
    const size_t rows2 = 2 * net_.rows2, columns2 = 2 * net_.columns2, plane2 = rows2 * width2_;
    spread(back_ + part, choice2_ + part, PARTS, CONV2, net_.rows2, net_.columns2, net_.columns2, full_, width2_, 2,
           sums + net_.bias2 * PARTS);
    const Floats* pool1 = pool1_ + part * CONV1 * plane1;
    for (int c = 0; c < CONV2; c += SLOPES2)
      for (int input = 0; input < CONV1; ++input)
        add_weight_gradients<KERNEL2, SLOPES2>(
            pool1 + input * plane1, net_.columns1, full_ + c * plane2 + 2, plane2, width2_, rows2, columns2,
            sums + (net_.weight2 + (c * CONV1 + input) * 9) * PARTS, CONV1 * 9 * PARTS);
    for (int input = 0; input < CONV1; input += BLOCK1)
      input_gradients<BLOCK1>(full_, rows2, width2_, packed_back_ + input * CONV2 * 9, net_.rows1, width1_,
                              back1_ + input * net_.rows1 * width1_);
    const size_t rows1 = 2 * net_.rows1, columns1 = 2 * net_.columns1;
    spread(back1_, choice1_ + part * CONV1 * plane1, 1, CONV1, net_.rows1, net_.columns1, width1_, full_, columns1, 0,
           sums + net_.bias1 * PARTS);
    for (int c = 0; c < CONV1; c += SLOPES1)
      for (size_t input = 0; input < net_.channels; ++input)
        add_weight_gradients<KERNEL1, SLOPES1>(
            in_ + (part * net_.channels + input) * pixels, net_.width, full_ + c * rows1 * columns1, rows1 * columns1,
            columns1, rows1, columns1, sums + (net_.weight1 + (c * net_.channels + input) * 25) * PARTS,
            net_.channels * 25 * PARTS);
  }

  // The convolutions' weights in the order in which they are read.
  void pack() {
    packed1_.resize(CONV1 * net_.channels * 25);
    const float *first = weights_ + net_.weight1, *second = weights_ + net_.weight2;
    for (size_t c = 0; c < CONV1; ++c)
      for (size_t i = 0, taps = net_.channels * 25; i < taps; ++i)
        packed1_[c / BLOCK1 * BLOCK1 * taps + i * BLOCK1 + c % BLOCK1] = first[c * taps + i];
    for (size_t c = 0; c < CONV2; ++c)
      for (size_t input = 0; input < CONV1; ++input)
        for (size_t i = 0; i < 9; ++i) {
          float weight = second[(c * CONV1 + input) * 9 + i];
          packed2_[c / BLOCK2 * BLOCK2 * CONV1 * 9 + (input * 9 + i) * BLOCK2 + c % BLOCK2] = weight;
          packed_back_[input / BLOCK1 * BLOCK1 * CONV2 * 9 + (c * 9 + i) * BLOCK1 + input % BLOCK1] = weight;
        }
  }

  struct Memory {
    Buffer<Floats> in, pool1, dense_in[3], logits, back, back1, full;
    Buffer<Ints> choice1, choice2;
    Buffer<double> powers;
  };
  static Memory& memory() {
    static thread_local Memory memory;
    return memory;
  }

  const Network& net_;
  const float* weights_;
  size_t width1_, width2_;                        // of rows in `back1_` and in `full_` for the second convolution
  Floats *in_, *pool1_, *dense_in_[3], *logits_;  // [part][..] the first two, the rest [..][part]
  Ints *choice1_, *choice2_;
  Floats *back_, *back1_, *full_;  // gradients: of dense_in_[0]; of a part's pool1_; at positions
  double* powers_;
  std::vector<float> packed1_;
  float packed2_[CONV2 * CONV1 * 9], packed_back_[CONV2 * CONV1 * 9];
};

// ---- Gradients of a step's shards
// --------------------------------------------------------------------------------------

// One run of shards: first all threads compute groups, shard by shard; then they share the sums over images and shards,
// parameter by parameter.
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
    ahead_ = memory().ahead.get(most * groups_ * net_.unit_row * GROUP);
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
                       ahead_ + (shard * groups_ + begin / GROUP) * net_.unit_row * GROUP);
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

  // Takes parameters from a counter: first the panels of the dense layers' weights, then the rest.
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
    const float* ahead = ahead_ + (shard * groups_ * net_.unit_row + dense.unit_row) * GROUP;
    int32_t largest = 0;
    in_blocks<LANES == 16 ? 12 : 3, 1>(0, dense.units, [&](size_t unit, auto block) {
      alignas(64) float sums[block][PANEL];
      dense_weight_gradients<block>(inputs, ahead + unit * GROUP, net_.unit_row, images_of(shard), sums);
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
    Buffer<float> inputs, ahead, sums, lanes;
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
  float *inputs_, *ahead_, *sums_;
  std::vector<std::atomic<int32_t>> largest_;
  std::vector<Metrics> metrics_;
  std::atomic<int64_t> next_;
};

// ---- Logits
// ---------------------------------------------------------------------------------------------------------------

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

// ---- Update
// -------------------------------------------------------------------------------------------------------------

double power(double base, int64_t exponent) {
  double result = 1;
  for (; exponent; exponent >>= 1, base *= base)
    if (exponent & 1) result *= base;
  return result;
}

inline float to_gradient(int64_t total) { return float(total) * float(1 / UNIT); }

// What makes a gradient longer than `norm` that long. Its squares are added in double, the i-th to the sum i mod 16;
// the sums in a tree, as the lanes are.
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

// Each line is IEEE operations on single floats, in the order in which they are written: NumPy's give the same bits.
void update(const LenetUpdate& task) {
  const float rate = float(task.rate), decay = float(task.weight_decay), momentum = float(task.momentum);
  const float beta1 = float(task.beta1), beta2 = float(task.beta2), epsilon = float(task.epsilon);
  const float rest1 = float(1 - task.beta1), rest2 = float(1 - task.beta2),
              shrink = float(task.rate * task.weight_decay);
  const bool is_adam = task.rule == ADAM || task.rule == ADAMW;
  const float adam_rate =
      is_adam ? float(task.rate * std::sqrt(1 - power(task.beta2, task.step)) / (1 - power(task.beta1, task.step))) : 0;
  const float factor = task.clip_norm > 0 ? clip_factor(task.total, task.count, task.clip_norm) : 1;
  constexpr int64_t BLOCK = 1024;
  float g[BLOCK];
  for (int64_t begin = 0; begin < task.count; begin += BLOCK) {
    const int64_t size = std::min(BLOCK, task.count - begin);
    float* __restrict w = task.weights + begin;
    float* __restrict first = task.slot1 + begin;   // momenta, or mean
    float* __restrict second = task.slot2 + begin;  // variance
    for (int64_t i = 0; i < size; ++i) g[i] = to_gradient(task.total[begin + i]) * factor;
    if (task.rule != ADAMW)
      for (int64_t i = 0; i < size; ++i) g[i] = g[i] + decay * w[i];
    if (task.rule == SGD) {
      for (int64_t i = 0; i < size; ++i) w[i] = w[i] - rate * g[i];
    } else if (task.rule == NESTEROV) {
      for (int64_t i = 0; i < size; ++i) {
        first[i] = momentum * first[i] - rate * g[i];
        w[i] = w[i] + (momentum * first[i] - rate * g[i]);
      }
    } else {
      for (int64_t i = 0; i < size; ++i) {
        first[i] = beta1 * first[i] + rest1 * g[i];
        second[i] = beta2 * second[i] + rest2 * (g[i] * g[i]);
      }
      for (int64_t i = 0; i < size; ++i) {
        float step = adam_rate * first[i] / (std::sqrt(second[i]) + epsilon);
        w[i] = w[i] - (task.rule == ADAMW ? step + shrink * w[i] : step);
      }
    }
  }
}

}  // namespace

// ---- What Python calls
// -----------------------------------------------------------------------------------------------------

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
