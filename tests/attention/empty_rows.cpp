#include "reference/attention/dilated_attention.hpp"
#include "tests/attention/view.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

template <class T> bool is_identity(const Attention<T>& result, Index b, Index h, Index i) {
    return result.out.view().rows(b, h).row(i).isZero(0) && result.lse(b, h, i) == -std::numeric_limits<T>::infinity();
}

TEST_CASE_TEMPLATE("attend: rows before every key become (0, -inf), the others are right", T, float, double) {
    for (const Index first_key : {1, 5, 20, 33, 64, 70, 200}) {
        const View<T> view({{0, 1, 70}, {first_key, 1, 90}, true}, 6, 1);
        const Attention<T> result = view.attend();
        for (Index i = 0; i < 70; ++i) CHECK(is_identity(result, 0, 0, i) == (i < first_key));
        CHECK(view.judge(result).within_bounds());
    }
}

TEST_CASE_TEMPLATE("attend: no key at all gives (0, -inf), stored over poison", T, float, double) {
    for (const bool causal : {false, true})
        for (const Index queries : {1, 31, 100}) {
            const View<T> view({{3, 2, queries}, {0, 1, 0}, causal}, 6, 1);
            const Attention<T> result = view.attend();
            for (Index i = 0; i < queries; ++i) CHECK(is_identity(result, 0, 0, i));
        }
}

TEST_CASE_TEMPLATE("attend: merging what is not seen changes nothing", T, float, double) {
    const View<T> seen({{0, 1, 70}, {0, 1, 70}, true}, 6, 1), later({{0, 1, 70}, {70, 1, 30}, true}, 6, 2);
    const Attention<T> before = seen.attend();
    Attention<T> after = before;
    later.attend(0, 70, 0, 30, after, Combine::merge);
    CHECK(same(before, after));
}

TEST_CASE_TEMPLATE("attend: no query writes nothing", T, float, double) {
    const View<T> view({{0, 1, 4}, {0, 1, 10}, false}, 3, 1);
    Attention<T> result = poisoned<T>(view.problem());
    view.attend(2, 0, 0, 10, result, Combine::store);
    CHECK(result.out.flat().isNaN().all());
    CHECK(result.lse.flat().isNaN().all());
}

TEST_CASE_TEMPLATE("dilated_attention: rows that no pattern selects become (0, -inf) over poison, and no others do", T,
                   float, double) {
    const Configuration choices[] = {
        {.segment_lengths = {8}, .dilation_rates = {3}, .phase = PhaseRule::head},
        {.segment_lengths = {7},
         .dilation_rates = {7},
         .phase = PhaseRule::head}, // the last segment ends before some phases
        {.segment_lengths = {5, 9}, .dilation_rates = {4, 3}, .mode = Mode::mixture},
        {.segment_lengths = {4, 6, 9, 30}, .dilation_rates = {2, 3, 5, 30}}, // more groups than heads
        {.segment_lengths = {100}, .dilation_rates = {50}, .phase = PhaseRule::head},
    };
    for (Configuration chosen : choices)
        for (const bool causal : {false, true}) {
            chosen.causal = causal;
            const Question asked{{2, 23, 6, 3}, 3, chosen, 1};
            CAPTURE(asked);
            const RandomInputs<T> inputs(asked);
            Attention<T> result = poisoned<T>(inputs.problem);
            dilated_attention<T>(inputs.problem, inputs, result);
            Index empty = 0;
            for (Index b = 0; b < 2; ++b)
                for (Index h = 0; h < 6; ++h)
                    for (Index i = 0; i < 23; ++i) {
                        const bool sees_itself = times_seen(inputs.problem, h / 2, i, i) > 0;
                        empty += !sees_itself;
                        CHECK(is_identity(result, b, h, i) == !sees_itself);
                    }
            CHECK(empty > 0);
        }
}

} // namespace
} // namespace dra::test
