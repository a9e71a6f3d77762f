#include "tests/attention/view.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

/// A view cut out of tensors with several heads, against compact copies of the same rows.
TEST_CASE_TEMPLATE("attend on strided views equals attend on gathered copies bit for bit, and writes only its rows", T,
                   float, double) {
    const T nan = std::numeric_limits<T>::quiet_NaN();
    Index compared = 0;
    for (const Index D : {1, 5, 8, 24, 131})
        for (const Index query_stride : {1, 2, 7})
            for (const Index key_stride : {1, 3, 8})
                for (const bool causal : {false, true}) {
                    const Question asked{{2, 420, 4, D}, 2, {{420}, {1}}, 1};
                    const RandomInputs<T> inputs(asked);
                    const Visibility seen{{3, query_stride, 55}, {1, key_stride, 52}, causal};
                    View<T> compact(seen, D, 1, 0.3);
                    const auto q = inputs.q.view().rows(1, 2, seen.queries), k = inputs.k.view().rows(1, 0, seen.keys),
                               v = inputs.v.view().rows(1, 1, seen.keys);
                    compact.q.view().rows(0, 0) = q;
                    compact.k.view().rows(0, 0) = k;
                    compact.v.view().rows(0, 0) = v;

                    Attention<T> result = poisoned<T>(inputs.problem);
                    attend<T>(q, k, v, seen, T(0.3),
                              {result.out.view().rows(0, 1, seen.queries), result.lse.rows(0, 1, seen.queries)});
                    const Attention<T> expected = compact.attend();
                    CHECK(result.out.view().rows(0, 1, seen.queries) == expected.out.view().rows(0, 0));
                    CHECK((result.lse.rows(0, 1, seen.queries) == expected.lse.flat()).all());
                    CHECK(result.out.flat().isNaN().count() == result.out.size() - 55 * D);
                    CHECK(result.lse.flat().isNaN().count() == result.lse.size() - 55);
                    result.out.view().rows(0, 1, seen.queries).setConstant(nan); // those and no others
                    result.lse.rows(0, 1, seen.queries).setConstant(nan);
                    CHECK(result.out.flat().isNaN().all());
                    CHECK(result.lse.flat().isNaN().all());
                    ++compared;
                }
    MESSAGE("views compared ", compared);
}

} // namespace
} // namespace dra::test
