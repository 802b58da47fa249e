// Prints a digest of steps and logits of the native LeNet-5 with several shapes: the same on every processor.

#include <cinttypes>
#include <cstdio>

#include "../../lenet/native/lenet5.cpp"

namespace {

uint32_t state = 1;
uint32_t random_number() { return (state = state * 1664525 + 1013904223) >> 8; }  // 24 bits

uint64_t digest = 14695981039346656037u;  // FNV-1a
void add(const void* data, size_t size) {
  for (size_t i = 0; i < size; ++i) digest = (digest ^ static_cast<const uint8_t*>(data)[i]) * 1099511628211u;
}

void run(int height, int width, int channels, int classes, int shard, int count, bool is_moved) {
  const int images = 40, flat = 16 * (((height - 4) / 2 - 2) / 2) * (((width - 4) / 2 - 2) / 2);
  std::vector<uint8_t> pixels(size_t(images) * height * width * channels);
  for (auto& pixel : pixels) pixel = uint8_t(random_number());
  std::vector<int32_t> labels(images), order(count), draws(3 * images);
  for (auto& label : labels) label = random_number() % classes;
  for (auto& row : order) row = random_number() % images;
  for (int i = 0; i < 3 * images; ++i) draws[i] = i < images ? random_number() % 2 : int(random_number() % 7) - 3;
  std::vector<float> weights(6 * channels * 25 + 6 + 16 * 54 + 16 + 120 * (flat + 1) + 84 * 121 + classes * 85);
  for (auto& weight : weights) weight = (float(random_number()) / 0x1p24f - 0.5f) * 0.25f;
  LenetData data = {pixels.data(),
                    labels.data(),
                    images,
                    int64_t(weights.size()),
                    4,
                    height,
                    width,
                    channels,
                    classes,
                    {0.1f, 0.2f, 0.3f, 0.4f},
                    {0.3f, 0.4f, 0.5f, 0.6f}};

  std::vector<int64_t> total(weights.size() + 6);
  std::vector<float> slot1(weights.size()), slot2(weights.size()), logits(images * classes);
  for (int step = 1; step <= 2; ++step) {
    LenetGradients gradients = {data,
                                weights.data(),
                                order.data(),
                                is_moved ? draws.data() : nullptr,
                                total.data(),
                                count,
                                shard,
                                count,
                                (count + shard - 1) / shard,
                                int64_t(total.size()),
                                0.1,
                                3};
    lenet_gradients(nullptr, &gradients);
    add(total.data(), total.size() * 8);
    LenetUpdate update = {weights.data(),
                          slot1.data(),
                          slot2.data(),
                          total.data(),
                          int64_t(weights.size()),
                          step,
                          step == 1 ? NESTEROV : ADAM,
                          0.01,
                          5e-4,
                          0.9,
                          0.9,
                          0.999,
                          1e-8,
                          5};
    lenet_update(nullptr, &update);
    add(weights.data(), weights.size() * 4);
  }
  LenetLogits task = {data, weights.data(), logits.data(), 3, images - 3, 2};
  lenet_logits(nullptr, &task);
  add(logits.data(), (images - 3) * classes * 4);
}

}  // namespace

int main() {
  run(28, 28, 1, 10, 16, 70, false);
  run(12, 15, 3, 2, 7, 20, true);
  run(17, 30, 4, 300, 40, 21, true);
  std::printf("%016" PRIx64 "\n", digest);
}
