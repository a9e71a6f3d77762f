#include "reference/published/opportunity_6_memory_pool.hpp"
#include "reference/published/opportunity_7_pattern_caching.hpp"
#include "reference/published/opportunity_8_compiled_hot_path.hpp"

#include "reference/attention/dilated_attention.hpp"
#include "reference/published/isolated.hpp"
#include "tests/published/problems.hpp"

#include <doctest/doctest.h>
#include <omp.h>

namespace dra::published::test {
namespace {

/// Grouped-query heads, ragged segments, a mixture, and a batch.
const Question mixed{2, 100, 4, 2, 8, {50, 70}, {1, 3}, Mode::mixture, PhaseRule::head, true, 3};

Question groups_of(bool causal) {
    return {1, 90, 3, 3, 5, {7, 90, 20}, {2, 5, 1}, Mode::groups, PhaseRule::group, causal, 2};
}

template <class T> IsolatedTopic whole(Topic topic, Rung rung, const PosedProblem<T>& posed) {
    return whole_call<T>(topic, rung, posed.problem, posed);
}

template <class T> double check_all(const PosedProblem<T>& posed) {
    double worst = 0;
    for (const Topic topic : opportunities)
        for (const Rung rung : rungs_of_a_fix) {
            CAPTURE(static_cast<int>(topic));
            CAPTURE(name(rung));
            const IsolatedTopic form = whole(topic, rung, posed);
            if (!form.absent.empty()) continue;
            for (int again = 0; again < 2; ++again) { // what is kept is judged too
                const Verification verified = form.verify(posed.truth);
                CHECK(verified.right);
                CHECK(verified.error_ratio <= forward_bound);
                CHECK(verified.error_ratio > 0);
                worst = std::max(worst, verified.error_ratio);
            }
            CHECK(form.counts().flops > 0);
        }
    return worst;
}

Counts counts(Topic topic, Rung rung, const PosedProblem<float>& posed) {
    const IsolatedTopic form = whole(topic, rung, posed);
    for (int again = 0; again < 2; ++again) {
        if (form.prepare) form.prepare();
        form.run();
    }
    return form.counts();
}

TEST_CASE("every rung of every opportunity gives the oracle's result, again and again") {
    double worst = check_all(pose<float>(mixed));
    worst = std::max(worst, check_all(pose<double>(mixed)));
    worst = std::max(worst, check_all(pose<float>(groups_of(true))));
    worst = std::max(worst, check_all(pose<double>(groups_of(false))));
    worst = std::max(worst, check_all(pose<float>({1, 1, 1, 1, 3, {4}, {2}, Mode::groups, PhaseRule::group, true, 1})));
    MESSAGE("largest error ratio ", worst);
}

TEST_CASE("a verification notices a wrong oracle") {
    PosedProblem<float> posed = pose<float>(mixed);
    posed.truth.attention.out(1, 99, 3, 7) += 1e-2;
    for (const Topic topic : opportunities) CHECK(!whole(topic, Rung::principled, posed).verify(posed.truth).right);
}

TEST_CASE("what there is not is absent, and says why") {
    const PosedProblem<float> posed = pose<float>(groups_of(false));
    CHECK(whole(Topic::compiled_hot_path, Rung::after, posed).absent == "none was published");
    CHECK(whole(Topic::kv_cache, Rung::principled, posed).absent == "nothing to do: not causal, nothing is decoded");
    for (const Topic topic : {Topic::compiled_hot_path, Topic::kv_cache})
        CHECK(isolate<float>(topic, Rung::before, posed.problem, posed).absent == "a whole call, and nothing alone");
}

TEST_CASE("opportunities 6 and 7 alone are right, and notice what is not") {
    const PosedProblem<float> posed = pose<float>(mixed);
    for (const Topic topic : {Topic::memory_pool, Topic::pattern_caching})
        for (const Rung rung : rungs_of_a_fix) {
            const IsolatedTopic form = isolate<float>(topic, rung, posed.problem, posed);
            CAPTURE(static_cast<int>(topic));
            CAPTURE(name(rung));
            CHECK(form.absent.empty());
            CHECK(form.verify(posed.truth).right);
            CHECK(form.keeps == (rung == Rung::after));
        }

    struct OverlappingMemory final : Memory<float> { // gives the same block to everybody
        std::vector<float> block = std::vector<float>(10'000);
        float* take(Index) override { return block.data(); }
        void give_back(float*, Index) override {}
        Index bytes_kept() const override { return 0; }
    } overlapping;
    CHECK(!opportunity_6::keeps_apart(posed.problem, overlapping));
}

TEST_CASE("a pool keeps powers of two bytes for ever, a plan the largest view's temporaries, an allocator nothing") {
    // Views of 32 and of 33 rows: the pool holds both sizes.
    const PosedProblem<float> posed =
        pose<float>({1, 66, 2, 2, 8, {32, 33}, {1, 1}, Mode::groups, PhaseRule::group, true, 1});
    const auto kept = [&](Rung rung) { return counts(Topic::memory_pool, rung, posed).bytes_kept; };
    const Index row = 8 * 4;
    CHECK(kept(Rung::before) == 0);
    CHECK(kept(Rung::principled) == 4 * 33 * row + 33 * 4);
    // k, v, q, o of 32 and 2 rows; of 33 they take twice as much; l of 32, 2 and 33 rows.
    CHECK(kept(Rung::after) == 4 * (32 * row + 2 * row + 64 * row) + (32 + 2 + 64) * 4);
    MESSAGE("pool ", kept(Rung::after), " bytes, plan ", kept(Rung::principled));

    opportunity_6::Pool<float> pool;
    float* first = pool.take(5);
    pool.give_back(first, 5);
    CHECK(pool.take(8) == first); // of the same size class
    CHECK(pool.bytes_kept() == 32);
    CHECK(pool.take(7) != first);
    CHECK(pool.bytes_kept() == 64);
}

TEST_CASE("lists have an entry a row, made for every copy before, once for all when kept, never in closed form") {
    const PosedProblem<float> posed =
        pose<float>({1, 48, 4, 2, 8, {24, 48}, {2, 4}, Mode::groups, PhaseRule::group, false, 1});
    const Index rows = 48 / 2 + 48 / 4;
    const auto whole_counts = [&](Rung rung) { return counts(Topic::pattern_caching, rung, posed); };
    CHECK(whole_counts(Rung::before).index_elements == rows * (2 + 2)); // k, v, and two query heads
    CHECK(whole_counts(Rung::before).bytes_kept == 0);
    CHECK(whole_counts(Rung::after).index_elements == 0); // of a later call
    CHECK(whole_counts(Rung::after).bytes_kept == rows * 8);
    CHECK(whole_counts(Rung::principled).index_elements == 0);
    CHECK(whole_counts(Rung::principled).bytes_kept == 0);

    const IsolatedTopic kept = isolate<float>(Topic::pattern_caching, Rung::after, posed.problem, posed);
    for (const Index entries : {rows, Index{0}}) {
        kept.run();
        CHECK(kept.counts().index_elements == entries);
    }
    kept.forget();
    kept.run();
    CHECK(kept.counts().index_elements == rows);
}

TEST_CASE("an operation at a time writes n^2 elements six times a view, one more when causal, a plan none") {
    constexpr Index n = 40, D = 8;
    for (const bool causal : {false, true}) {
        const PosedProblem<float> posed =
            pose<float>({1, n, 1, 1, D, {n}, {1}, Mode::groups, PhaseRule::group, causal, 1});
        CHECK(counts(Topic::compiled_hot_path, Rung::before, posed).temporary_elements ==
              (causal ? 6 : 5) * n * n + 4 * n * D + 3 * n);
        CHECK(counts(Topic::compiled_hot_path, Rung::before, posed).flops == 4 * D * n * n);
        CHECK(counts(Topic::compiled_hot_path, Rung::principled, posed).temporary_elements == 0);
        CHECK(counts(Topic::compiled_hot_path, Rung::principled, posed).flops ==
              4 * D * (causal ? n * (n + 1) / 2 : n * n));
    }
}

TEST_CASE("a decoded token reads the prefix, all tokens a pattern, or what its segment selects") {
    // Position 95 is the last of its segment of 24 and, of phase 3 of 4, selected in that of 96.
    const PosedProblem<float> posed =
        pose<float>({1, 96, 2, 2, 8, {24, 96}, {1, 1}, Mode::groups, PhaseRule::group, true, 1});
    CHECK(counts(Topic::kv_cache, Rung::before, posed).rows_read == 2 * 96);
    CHECK(counts(Topic::kv_cache, Rung::after, posed).rows_read == 2 * 96);
    CHECK(counts(Topic::kv_cache, Rung::principled, posed).rows_read == 24 + 96);
    CHECK(counts(Topic::kv_cache, Rung::after, posed).bytes_kept == 2 * 2 * 96 * 8 * 4);
    CHECK(counts(Topic::kv_cache, Rung::principled, posed).bytes_kept == 2 * (23 + 95) * 8 * 4);
    CHECK(counts(Topic::kv_cache, Rung::after, posed).mask_elements == 2 * 96);
    CHECK(counts(Topic::kv_cache, Rung::principled, posed).mask_elements == 0);

    const PosedProblem<float> mixture =
        pose<float>(mixed); // a dense cache reads all tokens for every pattern of a head
    CHECK(counts(Topic::kv_cache, Rung::after, mixture).rows_read == 2 * 2 * 2 * 100);
}

TEST_CASE("opportunities count and compute the same for every number of threads") {
    const PosedProblem<float> posed = pose<float>(mixed);
    const int before = omp_get_max_threads();
    for (const Topic topic : opportunities)
        for (const Rung rung : rungs_of_a_fix) {
            if (!whole(topic, rung, posed).absent.empty()) continue;
            omp_set_num_threads(1);
            const Counts expected = counts(topic, rung, posed);
            omp_set_num_threads(3);
            CHECK(counts(topic, rung, posed) == expected);
            CHECK(whole(topic, rung, posed).verify(posed.truth).right);
        }
    omp_set_num_threads(before);
}

} // namespace
} // namespace dra::published::test
