#include "reference/published/fix_2_discarded_attention.hpp"
#include "tests/published/problems.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>

namespace dra::published::test {
namespace {

TEST_CASE("an index list repeats the selected rows up to the length before dilation") {
    Counts counted;
    const Selection selection = fix_2::select(Rung::after, {1, 3, 3}, 8, counted);
    const std::array<Index, 8> repeated{1, 4, 7, 1, 4, 7, 1, 4};
    CHECK(std::ranges::equal(selection.indices, repeated));
    CHECK(selection.rows == 8);
    CHECK(counted.index_elements == 8);
    const Selection view = fix_2::select(Rung::principled, {1, 3, 3}, 8, counted);
    CHECK(view.indices.empty());
    CHECK(view.rows == 3);
    CHECK(counted.index_elements == 8);
}

TEST_CASE("gathered rows are copies with repeats, strided rows are where they were") {
    const Tensor<double> x = random_normal<double>({2, 9, 3, 4}, 5);
    Counts counted;
    const Selection list = fix_2::select(Rung::after, {1, 3, 3}, 8, counted),
                    view = fix_2::select(Rung::principled, {1, 3, 3}, 8, counted);
    const auto copied = fix_2::rows<double>(Rung::after, x, 1, 2, list, counted);
    const auto strided = fix_2::rows<double>(Rung::principled, x, 1, 2, view, counted);
    REQUIRE(copied.rows.rows() == 8);
    REQUIRE(strided.rows.rows() == 3);
    for (Index t = 0; t < 8; ++t)
        for (Index d = 0; d < 4; ++d) CHECK(copied.rows(t, d) == x(1, 1 + t % 3 * 3, 2, d));
    CHECK(strided.rows.data() == x.view().row(1, 1, 2));
    CHECK(strided.rows == copied.rows.topRows(3));
    CHECK(counted.rows_gathered == 8);
}

TEST_CASE("scatter merges genuine rows where they belong and drops repeats") {
    Counts counted;
    const Selection list = fix_2::select(Rung::after, {1, 3, 3}, 8, counted);
    RowMajor<double> partial_out = RowMajor<double>::Constant(8, 2, 7);
    Eigen::ArrayXd partial_lse = Eigen::ArrayXd::LinSpaced(8, 0, 7);
    Tensor<double> out({1, 9, 1, 2}, 0);
    Lse<double> lse(1, 1, 9);
    lse.flat().setConstant(-std::numeric_limits<double>::infinity());
    fix_2::scatter<double>(partial_of(partial_out, partial_lse), list, 0, 0, {out, lse});
    for (Index n = 0; n < 9; ++n) {
        const bool selected = n % 3 == 1;
        CHECK(out(0, n, 0, 1) == (selected ? 7 : 0));
        CHECK(lse(0, 0, n) == (selected ? n / 3 : -std::numeric_limits<double>::infinity()));
    }
}

TEST_CASE("discarding the three attentions changes no bit of the result") {
    for (const bool causal : {false, true}) {
        const PosedProblem<float> posed =
            pose<float>({2, 70, 4, 2, 8, {35, 70}, {1, 3}, Mode::mixture, PhaseRule::head, causal, 3});
        const Rungs rungs(Rung::after);
        const Attention<float> before = run(rungs.with(Fix::discarded_attention, Rung::before), posed),
                               after = run(rungs, posed);
        CHECK(forward_ratio(posed, after) <= forward_bound);
        CHECK((before.out.flat() == after.out.flat()).all());
        CHECK((before.lse.flat() == after.lse.flat()).all());
    }
}

} // namespace
} // namespace dra::published::test
