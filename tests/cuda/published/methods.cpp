#include "cuda/published/fix_4_duplicate_methods.hpp"
#include "tests/cuda/published/problems.hpp"

#include <doctest/doctest.h>

namespace dra::cuda::test {
namespace {

using namespace emulated;
using namespace emulated::rungs;

TEST_CASE("as published, with a sum of 1 per chunk, fix 3 is wrong in lse alone, and on more chunks in out") {
    const Posed<> one({1, 64, 2, 2, 16, {64}, {1}, groups, group, false, 1});
    const auto runnable = one.alone(Fix::double_computation, Rung::after, published::LostSum::as_published);
    CHECK(one.share(*runnable) > 100);
    const Posed<> many({1, 64, 2, 2, 16, {64}, {1}, groups, group, false, 4});
    const auto wrong = many.pipeline(Rungs(Rung::principled).with(Fix::double_computation, Rung::after),
                                     {.lost_sum = published::LostSum::as_published});
    CHECK(many.share(*wrong) > 100);
}

/// The number of keys that each of 8 queries sees of 8 keys, numbered from 0 both, in a chunk that the methods are told
/// begins at `offset`: q = 0, so that lse is the logarithm of that number.
std::vector<int> seen_by(Method method, int offset, bool causal) {
    constexpr int tokens = 8, D = 8;
    CountedStream stream;
    const std::vector<std::byte> zeros(tokens * D * 2);
    Buffer<std::byte> q(stream.stream(), zeros.size()), kv(stream.stream(), zeros.size());
    Buffer<float> out(stream.stream(), tokens * D), lse(stream.stream(), tokens);
    q.copy_from(zeros.data(), stream.stream());
    kv.copy_from(zeros.data(), stream.stream());
    AttendCall call{.pattern = {}, .queries = {0, tokens}, .chunk = {0, tokens}};
    call.pattern = {.q = q.data(),
                    .k = kv.data(),
                    .v = kv.data(),
                    .out = out.data(),
                    .lse = lse.data(),
                    .batch = 1,
                    .tokens = tokens,
                    .heads = 1,
                    .kv_heads = 1,
                    .head_dim = D,
                    .segment_length = tokens,
                    .dilation_rate = 1,
                    .phase_rule = PhaseRule::group,
                    .phase = 0,
                    .phase_block = 1,
                    .first_kv_head = 0,
                    .kv_head_count = 1,
                    .softmax_scale = 1,
                    .causal = causal ? 1 : 0};
    method(stream, DType::bf16, call, offset, Combine::store);
    std::vector<float> found(tokens);
    lse.copy_to(found.data(), stream.stream());
    stream.synchronize();
    std::vector<int> seen;
    for (const float x : found) seen.push_back(static_cast<int>(std::lround(std::exp(x))));
    return seen;
}

TEST_CASE("the four methods before, and the one after, disagree where a chunk begins later; attend is right") {
    const std::vector<int> ignored{1, 2, 3, 4, 5, 6, 7, 8}, everything(8, 8), right{0, 0, 0, 1, 2, 3, 4, 5},
        turned_round{4, 5, 6, 7, 8, 8, 8, 8};
    CHECK(seen_by(fix_4::simple_attention, 3, true) == ignored);
    CHECK(seen_by(fix_4::compute_attention_chunk, 3, true) == everything);
    CHECK(seen_by(fix_4::compute_attention_standard, 3, true) == right);
    CHECK(seen_by(fix_4::online_softmax_attention, 3, true) == turned_round);
    CHECK(seen_by(fix_4::compute_attention, 3, true) == everything);
    CHECK(seen_by(fix_4::attend, 3, true) == right);
    for (const Method method :
         {fix_4::simple_attention, fix_4::compute_attention_chunk, fix_4::compute_attention_standard,
          fix_4::online_softmax_attention, fix_4::compute_attention, fix_4::attend}) {
        CHECK(seen_by(method, 0, true) == ignored); // offset 0, where all agree
        CHECK(seen_by(method, 0, false) == everything);
    }
}

} // namespace
} // namespace dra::cuda::test
