#include "reference/attention/dilated_attention.hpp"
#include "reference/ring/ring_attention.hpp"
#include "tests/property/draw.hpp"

namespace dra::test {
namespace {

/// Which rows are read and in which order depends on positions alone, and what is later enters with weight 0, so that
/// rows stay the same bit for bit.
template <class T, class Attend> void rows_do_not_see_later_tokens(Attend attend) {
    for_all([&] {
        Question asked = draw_problem({.tokens = 40, .head_dim = 8});
        asked.configuration.causal = true;
        RandomInputs<T> inputs(asked);
        const Attention<T> before = attend(inputs);

        const Index last_kept = draw_index(0, inputs.problem.tokens - 1);
        const Positions later{last_kept + 1, 1, inputs.problem.tokens - last_kept - 1};
        const T factor = draw_index(0, 1) == 0 ? T(-3) : T(1e15);
        for (Tensor<T>* x : {&inputs.q, &inputs.k, &inputs.v})
            for (Index b = 0; b < x->shape().batch; ++b)
                for (Index h = 0; h < x->shape().heads; ++h) x->view().rows(b, h, later) *= factor;
        const Attention<T> after = attend(inputs);

        const Positions kept{0, 1, last_kept + 1};
        for (Index b = 0; b < inputs.problem.batch; ++b)
            for (Index h = 0; h < inputs.problem.heads; ++h) {
                RC_ASSERT((after.out.view().rows(b, h, kept) == before.out.view().rows(b, h, kept)));
                for (Index n = 0; n <= last_kept; ++n) RC_ASSERT(after.lse(b, h, n) == before.lse(b, h, n));
            }
        const bool changed = !later.empty() && !same(after, before);
        return changed; // the largest figure is 1: some perturbation was noticed where it may be
    });
}

TEST_CASE_TEMPLATE("dilated_attention: rows do not change, in any bit, with tokens later than they", T, float, double) {
    rows_do_not_see_later_tokens<T>(
        [](const RandomInputs<T>& inputs) { return dilated_attention<T>(inputs.problem, inputs); });
}

TEST_CASE_TEMPLATE("ring_attention: rows do not change, in any bit, with tokens later than they", T, float, double) {
    rows_do_not_see_later_tokens<T>(
        [](const RandomInputs<T>& inputs) { return ring_attention<T>(inputs.problem, inputs); });
}

} // namespace
} // namespace dra::test
