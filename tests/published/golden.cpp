#include "tests/golden.hpp"

#include "tests/published/problems.hpp"

#include <doctest/doctest.h>

namespace dra::published::test {
namespace {

/// Every rung of every fix among the others before, and among the others principled.
std::vector<Rungs> every_rung() {
    std::vector<Rungs> all;
    for (const Rung others : {Rung::before, Rung::principled}) {
        all.push_back(Rungs(others));
        for (const Fix fix : all_fixes)
            for (const Rung rung : rungs_of_a_fix)
                if (rung != others) all.push_back(Rungs(others).with(fix, rung));
    }
    return all;
}

template <class T> double worst_ratio(const dra::test::Golden& golden, Index ranks) {
    const PosedProblem<T> posed{
        {golden.q.cast<T>(), golden.k.cast<T>(), golden.v.cast<T>()}, golden.problem(ranks), golden.expected};
    double worst = 0;
    CAPTURE(ranks);
    for (const Rungs rungs : every_rung()) {
        CAPTURE(rungs.name());
        const double ratio = forward_ratio(posed, run(rungs, posed));
        CHECK(ratio <= forward_bound);
        worst = std::max(worst, ratio);
    }
    return worst;
}

TEST_CASE("every rung gives every golden answer") {
    double worst_float = 0, worst_double = 0;
    for (const std::string& name : dra::test::golden_names()) {
        const dra::test::Golden golden = dra::test::load_golden(name);
        CAPTURE(name);
        for (const Index ranks : {1, 4}) worst_float = std::max(worst_float, worst_ratio<float>(golden, ranks));
        worst_double = std::max(worst_double, worst_ratio<double>(golden, 3));
    }
    MESSAGE("largest error ratio: float ", worst_float, ", double ", worst_double, "; bound ", forward_bound);
}

} // namespace
} // namespace dra::published::test
