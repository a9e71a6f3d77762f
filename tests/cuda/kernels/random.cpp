#include "tests/cuda/kernels/problems.hpp"

namespace dra::test {
namespace {

using cuda::emulated::AttentionKernel;
using simt::Order;

constexpr Index problems_per_kernel = DRA_RANDOM_PROBLEMS; // 200 in a release build

/// Blocks of several warpgroups are slow to emulate, and share most of what they do.
Index problems_of(const AttentionKernel& kernel) {
    return kernel.warpgroup_rows > 0 ? ceil_div(problems_per_kernel, 8) : problems_per_kernel;
}

/// The larger problems span several tiles of every kernel; the smaller ones have more shapes.
Index tokens_of(Index i) { return i % 6 == 0 ? 300 : i % 6 < 3 ? 90 : 24; }

TEST_CASE("every kernel gives the definition's result on random problems, in any schedule") {
    for (const AttentionKernel& kernel : cuda::emulated::ladder()) {
        const Index problems = problems_of(kernel);
        double worst = 0;
        for (Index i = 0; i < problems; ++i) {
            const auto seed = static_cast<std::uint64_t>(1 + i);
            const Question asked = draw_question_for(kernel, SeededDraw(seed), tokens_of(i));
            const std::vector<DType> types = types_of(kernel);
            const std::size_t turn = static_cast<std::size_t>(i) % types.size();
            const DType type = types[turn];
            CAPTURE(std::string(kernel.name));
            CAPTURE(cuda::type_name(type));
            CAPTURE(asked);
            const Scheduled schedule(i % 8 == 0   ? Order::ascending
                                     : i % 8 == 1 ? Order::descending
                                                  : Order::random,
                                     seed);
            const RandomInputs<float> given(asked);
            const auto result =
                cuda::attention(emulator(), given.problem, type, given.q, given.k, given.v, kernel.name);
            const double share = share_of_bound(given.problem, type, given.q, given.k, given.v, result);
            CHECK(share <= 1);
            worst = std::max(worst, share);
        }
        MESSAGE(std::string(kernel.name), ": largest error ", worst, " of the bound in ", problems, " problems");
    }
}

} // namespace
} // namespace dra::test
