#include "tests/published/problems.hpp"

#include <doctest/doctest.h>
#include <omp.h>

namespace dra::published::test {
namespace {

const Rungs all_before(Rung::before), all_principled(Rung::principled);

/// N = 48, two patterns, GQA; everything divides: w of r, chunks of w's parts.
const Question divisible{2, 48, 4, 2, 8, {24, 48}, {2, 4}, Mode::groups, PhaseRule::group, false, 4};
constexpr Index B = 2, N = 48, H = 4, Hkv = 2, D = 8, R = 4;
constexpr Index heads_of_pattern = H / 2, kv_heads_of_pattern = Hkv / 2;
constexpr Index pairs_of_segments = N * 24 + N * 48;                  ///< sum of w^2 over the segments of both patterns
constexpr Index selected_pairs = N * 24 / (2 * 2) + N * 48 / (4 * 4); ///< the same of selected rows

Question causal(Question asked) {
    asked.causal = true;
    return asked;
}

TEST_CASE("masks have n^2 elements a pattern before and after, extents one a row and call when principled") {
    for (const Index ranks : {1, 3, 4, 7, 60}) {
        Question asked{1, 50, 2, 2, 8, {50, 50}, {1, 1}, Mode::groups, PhaseRule::group, true, ranks};
        const PosedProblem<float> posed = pose<float>(asked);
        CAPTURE(ranks);
        for (const Rung rung : {Rung::before, Rung::after}) {
            CHECK(counts(all_before.with(Fix::causal_mask, rung), posed).mask_elements == 2 * 50 * 50);
            CHECK(counts(all_principled.with(Fix::causal_mask, rung), posed).mask_elements == 2 * 50 * 50);
        }
        const Index chunks = ceil_div(50, ceil_div(50, ranks)); // those that are not empty
        CHECK(counts(all_principled, posed).mask_elements == 2 * chunks * 50);
        asked.causal = false;
        const PosedProblem<float> unmasked = pose<float>(asked);
        for (const Rung rung : rungs_of_a_fix)
            CHECK(counts(all_before.with(Fix::causal_mask, rung), unmasked).mask_elements == 0);
    }
}

TEST_CASE("discarded attentions cost 3 n w pairs a head, repeated rows r^2 the pairs, strided views neither") {
    const PosedProblem<float> posed = pose<float>(divisible);
    const Index after = B * heads_of_pattern * pairs_of_segments;
    const Index discarded = B * (heads_of_pattern + 2 * kv_heads_of_pattern) * pairs_of_segments;
    const auto pairs = [&](Rung rung) { return counts(all_before.with(Fix::discarded_attention, rung), posed).pairs; };
    CHECK(pairs(Rung::before) == after + discarded);
    CHECK(pairs(Rung::after) == after);
    CHECK(pairs(Rung::principled) == B * heads_of_pattern * selected_pairs);
}

TEST_CASE("rows are gathered, and index lists written, for every chunk that a segment touches") {
    const PosedProblem<float> posed = pose<float>(divisible);
    const Counts after = counts(all_before.with(Fix::discarded_attention, Rung::after), posed);
    // A segment of 24 touches 2 of the 4 chunks, one of 48 all: its queries are taken again for each. Keys are taken
    // once.
    const Index query_rows = N * 2 + N * 4, key_rows = N + N;
    CHECK(after.rows_gathered == B * (heads_of_pattern * query_rows + 2 * kv_heads_of_pattern * key_rows));
    CHECK(after.index_elements == kv_heads_of_pattern * (query_rows + key_rows));

    const Counts before = counts(all_before, posed);
    CHECK(before.rows_gathered == after.rows_gathered + B * (H + 2 * Hkv) * N);
    CHECK(before.index_elements == after.index_elements + (H + 2 * Hkv) * N);

    const Counts principled = counts(all_before.with(Fix::discarded_attention, Rung::principled), posed);
    CHECK(principled.rows_gathered == 0);
    CHECK(principled.index_elements == 0);
}

TEST_CASE("statistics found again make 6 n n_kv d FLOPs of 4") {
    for (const bool is_causal : {false, true}) {
        const PosedProblem<float> posed = pose<float>(is_causal ? causal(divisible) : divisible);
        const Counts one_pass = counts(all_principled, posed);
        CHECK(one_pass.pairs_again == 0);
        CHECK(one_pass.flops == 4 * D * one_pass.pairs);
        if (!is_causal) CHECK(one_pass.pairs == B * heads_of_pattern * selected_pairs);
        for (const Rung rung : {Rung::before, Rung::after}) {
            const Counts again = counts(all_principled.with(Fix::double_computation, rung), posed);
            CHECK(again.pairs == one_pass.pairs);
            CHECK(again.pairs_again == one_pass.pairs);
            CHECK(again.flops == 6 * D * one_pass.pairs);
        }
    }
}

TEST_CASE("duplicate methods do the same work") {
    for (const Index ranks : {Index{1}, R})
        for (const bool is_causal : {false, true}) {
            Question asked = divisible;
            asked.ranks = ranks;
            asked.causal = is_causal;
            const PosedProblem<float> posed = pose<float>(asked);
            const Counts four = counts(all_before, posed);
            CHECK(four.pairs > 0);
            CHECK(counts(all_before.with(Fix::duplicate_methods, Rung::after), posed) == four);
            CHECK(counts(all_before.with(Fix::duplicate_methods, Rung::principled), posed) == four);
        }
}

TEST_CASE("only the published caches make a later call cheaper, for n^2 bytes") {
    const PosedProblem<float> posed = pose<float>(causal(divisible));
    for (const Rung rung : rungs_of_a_fix) {
        Pipeline<float> pipeline(posed.problem, all_before.with(Fix::caching, rung));
        run(pipeline, posed);
        const Counts first = pipeline.counts();
        run(pipeline, posed);
        const Counts later = pipeline.counts();
        CAPTURE(name(rung));
        CHECK(first.index_elements == later.index_elements);
        CHECK(first.mask_elements == (rung == Rung::after ? 1 : 2) * N * N); // two patterns ask for every chunk's mask
        CHECK(later.mask_elements == (rung == Rung::after ? 0 : 2) * N * N);
        CHECK(first.mask_bytes_kept == (rung == Rung::after ? N * N : 0));
        CHECK(later.mask_bytes_kept == first.mask_bytes_kept);
        const Index rebuilt = R * 2 * 2; // a list of 2, for 2 patterns of each chunk
        CHECK(first.head_groups == (rung == Rung::before ? rebuilt : rung == Rung::after ? 2 : 0));
        CHECK(later.head_groups == (rung == Rung::before ? rebuilt : 0));
    }
}

TEST_CASE("counts and results do not depend on the number of threads") {
    const PosedProblem<float> posed =
        pose<float>({1, 300, 2, 2, 8, {150, 300}, {1, 2}, Mode::mixture, PhaseRule::head, true, 3});
    const int threads_before = omp_get_max_threads();
    for (const Rung rung : rungs_of_a_fix) {
        omp_set_num_threads(1);
        Pipeline<float> alone(posed.problem, Rungs(rung));
        const Attention<float> expected = run(alone, posed);
        for (const int threads : {2, 3, 5}) {
            omp_set_num_threads(threads);
            Pipeline<float> together(posed.problem, Rungs(rung));
            const Attention<float> result = run(together, posed);
            CAPTURE(threads);
            CAPTURE(name(rung));
            CHECK(together.counts() == alone.counts());
            CHECK((result.out.flat() == expected.out.flat()).all());
            CHECK((result.lse.flat() == expected.lse.flat()).all());
        }
    }
    omp_set_num_threads(threads_before);
}

} // namespace
} // namespace dra::published::test
