#include "reference/attention/attend.hpp"
#include "benchmarks/measuring/allocations.hpp"
#include "reference/definition/random.hpp"

#include <doctest/doctest.h>

namespace dra {
namespace {

TEST_CASE("attend allocates nothing with a workspace that has met a view as large") {
    constexpr Index m = 700, D = 64;
    const Shape shape{1, m, 2, D};
    const Tensor<float> q = random_normal<float>(shape, 1), k = random_normal<float>(shape, 2),
                        v = random_normal<float>(shape, 3);
    Tensor<float> out(shape);
    Lse<float> lse(1, 2, m);
    AttendWorkspace<float> workspace;
    const auto allocations_of = [&](Index h, Index rows) {
        const Positions positions{0, 1, rows};
        benchmarks::AllocationCount count;
        const QueryHead<float> head{q.view().rows(0, h, positions),
                                    {out.view().rows(0, h, positions), lse.rows(0, h, positions)}};
        attend<float>(head, k.view().rows(0, h, positions), v.view().rows(0, h, positions),
                      {positions, positions, true}, 0.125F, Combine::store, workspace);
        return count.stop().number;
    };
    CHECK(allocations_of(0, m) > 0);
    CHECK(allocations_of(1, m) == 0);
    CHECK(allocations_of(0, m / 3) == 0);
}

} // namespace
} // namespace dra
