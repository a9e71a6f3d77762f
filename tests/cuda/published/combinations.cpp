#include "tests/cuda/published/problems.hpp"

#include <doctest/doctest.h>

namespace dra::cuda::test {
namespace {

/// B, N, H, Hkv, D, segments, dilations, mode, phase, causal, R.
const std::vector<Asked> problems{
    {1, 48, 2, 2, 8, {24, 48}, {1, 2}, groups, group, true, 4},
    {1, 48, 2, 2, 8, {24, 48}, {1, 2}, groups, group, false, 4},
    {2, 33, 4, 2, 16, {16, 33}, {1, 3}, groups, group, true, 2},
    {1, 61, 3, 3, 24, {16, 32, 64}, {1, 2, 4}, groups, group, true, 3},
    {1, 61, 4, 4, 8, {16, 32, 64}, {1, 2, 4}, mixture, head, true, 4},
    {2, 40, 6, 3, 8, {10, 40}, {1, 4}, mixture, head, true, 3},
    {1, 60, 8, 4, 8, {20, 60}, {2, 4}, mixture, block, false, 2},
    {1, 5, 2, 1, 8, {4}, {4}, groups, head, false, 9},
    {1, 50, 3, 3, 72, {20, 25, 50}, {1, 3, 7}, groups, head, true, 4},
    {1, 90, 1, 1, 64, {90}, {2}, groups, group, true, 2},
    {1, 130, 1, 1, 128, {130}, {1}, groups, group, true, 3},
};

TEST_CASE("the 243 combinations are as right as bf16 can be, each on one problem of eleven") {
    const Uncounted uncounted;
    std::vector<Posed<>> posed;
    for (const Asked& asked : problems) posed.emplace_back(asked);
    double worst = 0;
    for (Index number = 0; number < Rungs::combinations; ++number) {
        const Rungs rungs = Rungs::numbered(number);
        const auto which = static_cast<std::size_t>(number) % posed.size();
        CAPTURE(rungs.name());
        CAPTURE(which);
        const double share = posed[which].share(*posed[which].pipeline(rungs));
        CHECK(share <= 1);
        worst = std::max(worst, share);
    }
    MESSAGE("largest error ", worst, " of its bound");
    CHECK(worst > 0);
}

TEST_CASE("every rung of every fix is as right as bf16 can be, end to end and alone") {
    const Uncounted uncounted;
    double worst = 0;
    for (const std::size_t which : {0, 1, 4}) {
        const Posed<> posed(problems[which], 2);
        for (const Fix fix : published::all_fixes)
            for (const Rung rung : published::rungs_of_a_fix) {
                CAPTURE(which);
                CAPTURE(static_cast<int>(fix));
                CAPTURE(published::name(rung));
                const double end_to_end = posed.share(*posed.pipeline(Rungs(Rung::before).with(fix, rung)));
                CHECK(end_to_end <= 1);
                worst = std::max(worst, end_to_end);
                if (fix == Fix::causal_mask || fix == Fix::caching) {
                    CHECK((fix == Fix::caching ? device().cache_requests(posed.problem(), rung)
                                               : device().causal_masks(posed.problem(), rung))
                              ->exact());
                } else {
                    const double alone = posed.share(*posed.alone(fix, rung));
                    CHECK(alone <= 1);
                    worst = std::max(worst, alone);
                }
            }
    }
    MESSAGE("largest error ", worst, " of its bound");
    CHECK(worst > 0);
}

TEST_CASE("fp16 is as right as it can be") {
    const Posed<half> posed(problems[3]);
    for (const Rung rung : published::rungs_of_a_fix) CHECK(posed.share(*posed.pipeline(Rungs(rung))) <= 1);
}

TEST_CASE("a second call repeats the first bit by bit, and a first call again too") {
    const Posed<> posed(problems[5]);
    for (const Rung rung : published::rungs_of_a_fix) {
        const auto runnable = posed.pipeline(Rungs(rung));
        const Attention<float> first = runnable->result(), second = runnable->result();
        runnable->forget();
        const Attention<float> again = runnable->result();
        CHECK((first.out.flat() == second.out.flat()).all());
        CHECK((first.lse.flat() == second.lse.flat()).all());
        CHECK((first.out.flat() == again.out.flat()).all());
    }
}

TEST_CASE("what the kernel has no instance for is refused by name") {
    const auto complaint = [](DType type, Index head_dim) {
        const Tensor<float> x({1, 4, 1, head_dim}, 1);
        try {
            device().upload(type, x, x, x);
        } catch (const KernelError& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    CHECK(complaint(DType::bf16, 12) == "D = 12: must be a multiple of 8, at most 128, for the rungs' kernel");
    CHECK(complaint(DType::f16, 136) == "D = 136: must be a multiple of 8, at most 128, for the rungs' kernel");
    CHECK(complaint(DType::f32, 64) == "dtype = fp32: must be bf16 or fp16, which tensor cores multiply");
    CHECK(complaint(DType::bf16, 64) == "");
}

} // namespace
} // namespace dra::cuda::test
