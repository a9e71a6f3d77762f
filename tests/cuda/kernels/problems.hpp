#pragma once
/// \file
/// Problems that a kernel of the ladder can be given, and the verdict on what it made of them.

#include "cuda/device/attention.hpp"
#include "cuda/kernels/ladder.hpp"
#include "cuda/simt/runtime.hpp"
#include "tests/cuda/host/judgement.hpp"
#include "tests/problems.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

namespace dra::test {

inline cuda::Device& emulator() {
    static const std::unique_ptr<cuda::Device> device = cuda::emulated_device();
    return *device;
}

/// The types that a kernel takes.
inline std::vector<DType> types_of(const cuda::emulated::AttentionKernel& kernel) {
    if (kernel.takes_fp32) return {DType::f32, DType::bf16, DType::f16};
    return {DType::bf16, DType::f16};
}

/// The schedule that the emulator follows while this lives.
class Scheduled {
public:
    Scheduled(simt::Order order, std::uint64_t seed) {
        simt::config().order = order;
        simt::config().seed = seed;
    }
    ~Scheduled() { simt::config() = before_; }
    Scheduled(const Scheduled&) = delete;
    Scheduled& operator=(const Scheduled&) = delete;

private:
    simt::Config before_ = simt::config();
};

/// A valid question for this kernel: tokens up to `tokens`, head dimensions that it takes, and segments that it takes.
template <class Draw>
Question draw_question_for(const cuda::emulated::AttentionKernel& kernel, Draw draw, Index tokens) {
    Question asked = draw_question(draw, {tokens, 2});
    const Index multiple = kernel.head_dim_multiple, largest = std::min<Index>(kernel.largest_head_dim, 128);
    asked.q.head_dim = multiple * draw(1, draw(0, 3) == 0 ? largest / multiple : std::max<Index>(1, 24 / multiple));
    Configuration& chosen = asked.configuration;
    if (chosen.softmax_scale)
        *chosen.softmax_scale = static_cast<double>(draw(-8, 8)) / 4 / std::sqrt(static_cast<double>(asked.q.head_dim));
    if (asked.deviation > 1 && asked.q.head_dim > 12) asked.deviation = 1.5; // scores stay below about 100
    if (kernel.takes_any_segments) return asked;
    for (std::size_t i = 0; i < chosen.segment_lengths.size(); ++i) { // r | w, w | N
        Index& w = chosen.segment_lengths[i];
        Index& r = chosen.dilation_rates[i];
        w = std::max<Index>(1, asked.q.tokens / draw(1, 3));
        while (asked.q.tokens % w != 0) --w;
        r = std::min(r, w);
        while (w % r != 0) --r;
    }
    return asked;
}

/// Calls visit(kernel, type) for every kernel and every type that it takes.
template <class Visit> void for_kernels(Visit visit) {
    for (const cuda::emulated::AttentionKernel& kernel : cuda::emulated::ladder())
        for (const DType type : types_of(kernel)) {
            CAPTURE(std::string(kernel.name));
            CAPTURE(cuda::type_name(type));
            visit(kernel, type);
        }
}

} // namespace dra::test
