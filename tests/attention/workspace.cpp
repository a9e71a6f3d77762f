#include "tests/attention/view.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

TEST_CASE_TEMPLATE("a workspace that has served other views gives the same bits as a new one", T, float, double) {
    AttendWorkspace<T> shared;
    for (const Index D : {64, 8, 131, 5})
        for (const Index keys : {300, 7, 41, 513})
            for (const bool causal : {false, true}) {
                const View<T> view({{0, 1, 150}, {0, 1, keys}, causal}, D, static_cast<std::uint64_t>(D + keys));
                const Attention<T> expected = view.attend();
                Attention<T> result = poisoned<T>(view.problem());
                const QueryHead<T> head{view.q.view().rows(0, 0),
                                        {result.out.view().rows(0, 0), result.lse.rows(0, 0, {0, 1, 150})}};
                attend<T>(head, view.k.view().rows(0, 0), view.v.view().rows(0, 0), view.visibility,
                          static_cast<T>(view.softmax_scale), Combine::store, shared);
                CHECK((result.out.flat() == expected.out.flat()).all());
                CHECK((result.lse.flat() == expected.lse.flat()).all());
            }
}

} // namespace
} // namespace dra::test
