#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

#include <cmath>
#include <limits>

namespace dra::defects {

namespace {

/// How many of the heads that h sees read KV head g: the heads stand where the tokens should.
Index heads_seen(const Problem& problem, Index h, Index g) {
    const Index first = g * problem.query_heads_per_kv_head(), end = first + problem.query_heads_per_kv_head();
    return problem.causal ? std::clamp(h + 1, first, end) - first : end - first;
}

/// Each query attends the keys of all heads of its pattern at its own token.
RunningRows over_heads(const Call& call) {
    const RowMajor<double> Q = query_rows(call, call.inputs.q); // (queries, D)
    RunningRows result(Q.rows(), Q.cols());
    for (Index i = 0; i < Q.rows(); ++i) {
        const Index n = call.tokens[i];
        if (std::ranges::find(call.keys, n) == call.keys.end()) continue; // another chunk holds this token
        for (Index g = 0; g < call.problem.kv_heads; ++g) {
            const Index seen = heads_seen(call.problem, call.h, g);
            if (seen == 0 || !call.ingredients.uses(call.problem, call.pattern, g)) continue;
            const auto row_of = [&](TensorView<const double> x) {
                return Eigen::Map<const Eigen::RowVectorXd>(x.row(call.b, n, g), Q.cols());
            };
            Eigen::RowVectorXd out = row_of(call.inputs.v) * static_cast<double>(seen);
            double score = call.problem.softmax_scale * Q.row(i).dot(row_of(call.inputs.k)),
                   sum = static_cast<double>(seen);
            right::merge(row(result, i), {out, score, sum}, call.chunk);
        }
    }
    return result;
}

} // namespace

/// A transpose is missing: softmax goes over the heads of one token instead of the tokens of one head.
Defect heads_not_tokens() {
    return {
        .id = "heads-not-tokens",
        .kind = Kind::value,
        .title = "Softmax over the heads of one token",
        .symptom = "Every row depends on its own token alone. With one head, out = v. When causal, head 0 returns v, "
                   "and each head attends only to heads before it.",
        .cause = "[B, N, H, D] is given to an attention that expects [B, H, N, D].",
        .repair = "Transpose, or address rows by strides (tensor.hpp). A test with N different from H and one "
                  "perturbed token finds it.",
        .provenance = "The report's class: relative error 1.3 to 3.2; causal head 0 returns v.",
        .witness = {{1, 1, 2, 1}, 2, {.segment_lengths = {1}, .dilation_rates = {1}}},
        .conditions = {},
        .forms = forms({[](Ingredients& wrong) { wrong.attend = over_heads; }}),
    };
}

} // namespace dra::defects
