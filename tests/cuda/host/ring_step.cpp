#include "cuda/device/attention.hpp"
#include "cuda/host/buffer.hpp"
#include "reference/attention/partial.hpp"
#include "tests/cuda/host/emulator.hpp"
#include "tests/cuda/host/judgement.hpp"
#include "tests/problems.hpp"

#include <doctest/doctest.h>

#include <cstring>

namespace dra::test {
namespace {

cuda::Device& emulator() {
    static const std::unique_ptr<cuda::Device> device = cuda::emulated_device();
    return *device;
}

/// Sequences of 24 tokens: segments that the shards below cut and segments that they do not, phases, shared KV heads, a
/// mixture, and a pattern that selects nothing of some shards.
const Question questions[] = {
    {{1, 24, 4, 8}, 2, {{8, 24}, {1, 3}, Mode::groups, {}, true}, 1},
    {{2, 24, 2, 8}, 2, {{5, 12}, {2, 4}}, 2},
    {{1, 24, 4, 8}, 2, {{24, 8, 16}, {3, 1, 2}, Mode::mixture, {}, true}, 3},
    {{1, 24, 2, 8}, 2, {{24, 6}, {20, 5}, Mode::mixture, PhaseRule::head_block}, 4},
};
const Interval shards[] = {{0, 8}, {8, 16}, {16, 17}, {17, 24}};

/// The bytes of some tokens of x on the device, in the type.
cuda::emulated::Buffer<std::byte> uploaded(const Tensor<float>& x, const Interval& tokens, DType type,
                                           cuda::emulated::Stream& stream) {
    Tensor<float> part({x.shape().batch, tokens.size(), x.shape().heads, x.shape().head_dim});
    for (Index b = 0; b < part.shape().batch; ++b)
        std::memcpy(part.view().row(b, 0, 0), x.view().row(b, tokens.begin, 0),
                    static_cast<std::size_t>(part.size() / part.shape().batch) * sizeof(float));
    std::vector<std::byte> narrowed(static_cast<std::size_t>(part.size() * bytes_of(type)));
    cuda::narrow(type, narrowed.data(), part.data(), part.size());
    cuda::emulated::Buffer<std::byte> there(stream, narrowed.size());
    there.copy_from(narrowed.data(), stream);
    stream.synchronize();
    return there;
}

/// The partial of one step, by a kernel of this name or the best one.
Attention<float> step(const RandomInputs<float>& given, DType type, const cuda::HeldTokens& held,
                      const std::optional<std::string>& kernel = std::nullopt) {
    const Problem& problem = given.problem;
    cuda::emulated::Stream stream;
    const auto q = uploaded(given.q, held.queries, type, stream), k = uploaded(given.k, held.keys, type, stream),
               v = uploaded(given.v, held.keys, type, stream);
    Attention<float> partial{Tensor<float>({problem.batch, held.queries.size(), problem.heads, problem.head_dim}),
                             Lse<float>(problem.batch, problem.heads, held.queries.size())};
    // What the device gives is NaN, so that what a step forgets to write is seen.
    const cuda::emulated::Buffer<float> out(stream, static_cast<std::size_t>(partial.out.size())),
        lse(stream, static_cast<std::size_t>(partial.lse.size()));
    stream.synchronize();
    const auto executor = emulator().make_executor_on({q.data(), k.data(), v.data(), out.data(), lse.data(), held},
                                                      problem, type, kernel);
    executor->run();
    executor->download(partial.out, partial.lse.flat().data());
    return partial;
}

} // namespace

TEST_CASE("the partials of a ring's steps, merged, are the definition's result, wherever the shards cut the segments") {
    for (const DType type : {DType::f32, DType::bf16}) {
        CAPTURE(cuda::type_name(type));
        double worst = 0;
        for (const Question& asked : questions) {
            CAPTURE(asked);
            const RandomInputs<float> given(asked);
            const Problem& problem = given.problem;
            Attention<float> whole{Tensor<float>(problem.q_shape(), 0.f),
                                   Lse<float>(problem.batch, problem.heads, problem.tokens)};
            whole.lse.flat() = -std::numeric_limits<float>::infinity();
            for (const Interval& queries : shards)
                for (const Interval& keys : shards) {
                    const Attention<float> partial = step(given, type, {queries, keys});
                    for (Index b = 0; b < problem.batch; ++b)
                        for (Index h = 0; h < problem.heads; ++h)
                            for (Index i = 0; i < queries.size(); ++i)
                                merge_row(whole.out.view().rows(b, h).row(queries.begin + i),
                                          whole.lse(b, h, queries.begin + i), partial.out.view().rows(b, h).row(i),
                                          partial.lse(b, h, i));
                }
            worst = std::max(worst, share_of_bound(problem, type, given.q, given.k, given.v, whole));
        }
        MESSAGE(cuda::type_name(type), ": largest error ", worst, " of the bound");
        CHECK(worst <= 1);
    }
}

TEST_CASE("a step whose queries and keys are the same whole segments takes every kernel, others those of two views") {
    const RandomInputs<float> given({{1, 24, 2, 8}, 2, {{8}, {2}, Mode::groups, {}, true}, 5});
    const cuda::HeldTokens own{{8, 24}, {8, 24}}, cut{{4, 24}, {4, 24}};
    const Attention<float> wanted = step(given, DType::bf16, own, "tiled");
    for (const char* kernel : {"naive", "tensor_core", "all_patterns"}) {
        CAPTURE(kernel);
        const Attention<float> found = step(given, DType::bf16, own, kernel);
        CHECK((found.out.flat() - wanted.out.flat()).abs().maxCoeff() <= 0x1p-7f * given.v.flat().abs().maxCoeff());
        CHECK_THROWS_AS(step(given, DType::bf16, cut, kernel), cuda::KernelError);
    }
}

TEST_CASE("tokens that the sequence has not are refused before anything is allocated") {
    const Problem problem = RandomInputs<float>({{1, 24, 2, 8}, 2, {{8}, {2}}}).problem;
    const DeviceMemory exhausted;
    const auto refusal = [&](const cuda::HeldTokens& held) -> std::string {
        try {
            emulator().make_executor_on({nullptr, nullptr, nullptr, nullptr, nullptr, held}, problem, DType::f32);
            return "";
        } catch (const ShapeError& error) {
            return error.what();
        }
    };
    CHECK(refusal({{16, 25}, {0, 8}}) == "queries = [16, 25): must be tokens of the sequence, which has 24");
    CHECK(refusal({{0, 8}, {-1, 8}}) == "keys = [-1, 8): must be tokens of the sequence, which has 24");
    CHECK(refusal({{0, 8}, {8, 8}}) == "keys = [8, 8): must be tokens of the sequence, which has 24");
}

} // namespace dra::test
