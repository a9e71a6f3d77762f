#include "reference/published/isolated.hpp"

#include "tests/published/problems.hpp"

#include <doctest/doctest.h>

namespace dra::published::test {
namespace {

const Question asked{2, 100, 4, 2, 8, {50, 100}, {1, 3}, Mode::mixture, PhaseRule::head, true, 3};

Question not_causal() {
    Question other = asked;
    other.causal = false;
    return other;
}

template <class T> void check_all(const PosedProblem<T>& posed) {
    for (const Fix fix : all_fixes)
        for (const Rung rung : rungs_of_a_fix) {
            CAPTURE(static_cast<int>(fix));
            CAPTURE(name(rung));
            const IsolatedTopic isolated = isolate<T>(fix, rung, posed.problem, posed);
            const Verification verified = isolated.verify(posed.truth);
            CHECK(verified.right);
            CHECK(verified.error_ratio <= forward_bound);
            const bool attends = fix != Fix::causal_mask && fix != Fix::caching;
            CHECK((verified.error_ratio > 0) == attends);
            CHECK((isolated.counts().pairs > 0) == attends);
            CHECK(isolated.absent.empty() == (attends || posed.problem.causal));
            CHECK(static_cast<bool>(isolated.as_published) == (fix == Fix::double_computation && rung == Rung::after));
            if (isolated.as_published) CHECK(isolated.as_published(posed.truth).lse > 1000 * forward_bound);
            CHECK(isolated.keeps == (fix == Fix::caching && rung == Rung::after));
        }
}

TEST_CASE("every rung of every fix alone is right") {
    check_all(pose<float>(asked));
    check_all(pose<double>(not_causal()));
}

TEST_CASE("a verification notices a wrong oracle") {
    PosedProblem<float> posed = pose<float>(asked);
    posed.truth.attention.out(1, 99, 3, 7) += 1e-2;
    for (const Fix fix : {Fix::discarded_attention, Fix::double_computation, Fix::duplicate_methods})
        CHECK(!isolate<float>(fix, Rung::principled, posed.problem, posed).verify(posed.truth).right);
}

TEST_CASE("masks alone are n^2 elements before and after, n when principled") {
    const auto elements = [](Rung rung, Index n) {
        const PosedProblem<float> posed =
            pose<float>({1, n, 1, 1, 1, {n}, {1}, Mode::groups, PhaseRule::group, true, 4});
        const IsolatedTopic isolated = isolate<float>(Fix::causal_mask, rung, posed.problem, posed);
        isolated.run();
        return isolated.counts().mask_elements;
    };
    for (const Index n : {64, 128, 256}) {
        CHECK(elements(Rung::before, n) == n * n);
        CHECK(elements(Rung::after, n) == n * n);
        CHECK(elements(Rung::principled, n) == 4 * n);
    }
}

TEST_CASE("what is kept is made in the first call, until it is forgotten") {
    const PosedProblem<float> posed = pose<float>(asked);
    const IsolatedTopic isolated = isolate<float>(Fix::caching, Rung::after, posed.problem, posed);
    isolated.run();
    CHECK(isolated.counts().mask_elements == 100 * 100);
    CHECK(isolated.counts().mask_bytes_kept == 100 * 100);
    isolated.run();
    CHECK(isolated.counts().mask_elements == 0);
    CHECK(isolated.counts().index_elements > 0); // the pattern cache is never read
    isolated.forget();
    isolated.run();
    CHECK(isolated.counts().mask_elements == 100 * 100);
}

} // namespace
} // namespace dra::published::test
