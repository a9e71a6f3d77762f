#include "reference/defects/observe.hpp"
#include "reference/defects/calls.hpp"

namespace dra::defects {
namespace {

/// One pattern of one head: chunks merged, rows finished and put in their places.
Running run_pattern(const Calls& calls, const Ingredients& is, const Problem& problem, Index b, Index h, Index pattern,
                    Cost& cost) {
    Running rows(problem.tokens, problem.head_dim);
    calls.of(b, h, pattern, [&](const Call& call) {
        Running partial = is.attend(call);
        for (Index i = 0; i < partial.rows(); ++i) is.merge(row(rows, call.tokens[at(i)]), row(partial, i), call.chunk);
        cost.pairs += call.pairs;
    });
    for (Index n = 0; n < rows.rows(); ++n) is.finish(row(rows, n));
    const Index g = h / problem.query_heads_per_kv_head();
    is.place({rows, calls.selected(g, pattern), is.pattern_of(problem, pattern, g), problem});
    return rows;
}

/// All patterns of one head.
Running run_head(const Calls& calls, const Ingredients& is, const Problem& problem, Index b, Index h, Cost& cost) {
    Running head(problem.tokens, problem.head_dim);
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern) {
        if (!is.uses(problem, pattern, h / problem.query_heads_per_kv_head())) continue;
        Running rows = run_pattern(calls, is, problem, b, h, pattern, cost);
        for (Index n = 0; n < rows.rows(); ++n) is.mix(row(head, n), row(rows, n), {pattern, problem.patterns()});
    }
    for (Index n = 0; n < head.rows(); ++n) is.finish(row(head, n));
    return head;
}

/// Adds one head's gradients.
///
///     P = e^(S - lse),   dS = P (dP - delta),   dq += scale dS K,   dk += scale dS^T Q,   dv += P^T dO
void add_gradients(const Calls& calls, const Ingredients& is, const Problem& problem, const Inputs& inputs, Index b,
                   Index h, const Lse<double>& lse, Gradients<double>& gradients) {
    const Index g = h / problem.query_heads_per_kv_head();
    const auto P_of = [&](const Call& call) {
        RowMajor<double> P = scores(call); // (queries, keys)
        for (Index i = 0; i < P.rows(); ++i) to_weights(P.row(i), lse(b, h, call.tokens[at(i)]));
        return P;
    };
    const auto dP_of = [&](const Call& call) -> RowMajor<double> {
        return query_rows(call, *inputs.dout) * key_rows(call, inputs.v).transpose();
    };
    std::vector<Eigen::ArrayXd> weighted_dp(at(problem.patterns()), Eigen::ArrayXd::Zero(problem.tokens));
    std::vector<Eigen::ArrayXd> share = weighted_dp; // of each pattern in a row: sum_j p_j over its keys
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern)
        if (is.uses(problem, pattern, g))
            calls.of(b, h, pattern, [&](const Call& call) {
                const RowMajor<double> P = P_of(call), PdP = P.cwiseProduct(dP_of(call));
                for (Index i = 0; i < P.rows(); ++i) {
                    weighted_dp[at(pattern)][call.tokens[at(i)]] += PdP.row(i).sum();
                    share[at(pattern)][call.tokens[at(i)]] += P.row(i).sum();
                }
            });
    Eigen::ArrayXd all = Eigen::ArrayXd::Zero(problem.tokens);
    for (const Eigen::ArrayXd& pattern : weighted_dp) all += pattern;

    for (Index pattern = 0; pattern < problem.patterns(); ++pattern)
        if (is.uses(problem, pattern, g))
            calls.of(b, h, pattern, [&](const Call& call) {
                const RowMajor<double> P = P_of(call), dO = query_rows(call, *inputs.dout);
                RowMajor<double> dS = dP_of(call);
                for (Index i = 0; i < P.rows(); ++i) {
                    const Index n = call.tokens[at(i)];
                    const double own =
                        share[at(pattern)][n] > 0 ? weighted_dp[at(pattern)][n] / share[at(pattern)][n] : 0;
                    dS.row(i) = P.row(i).array() * (dS.row(i).array() - is.delta(problem, all[n], own));
                }
                const RowMajor<double> dQ = problem.softmax_scale * dS * key_rows(call, inputs.k),
                                       dK = problem.softmax_scale * dS.transpose() * query_rows(call, inputs.q),
                                       dV = P.transpose() * dO;
                for (Index i = 0; i < P.rows(); ++i)
                    gradients.dq.view().rows(b, h).row(call.tokens[at(i)]) += dQ.row(i);
                const Index to = is.gradient_owner(call.rank, call.owner, problem.ranks);
                for (Index j = 0; j < P.cols(); ++j) {
                    const Index position = calls.moved(call.keys[at(j)], call.owner, to);
                    if (position < 0 || position >= problem.tokens) continue;
                    gradients.dk.view().rows(b, g).row(position) += dK.row(j);
                    gradients.dv.view().rows(b, g).row(position) += dV.row(j);
                }
            });
}

void run(const Ingredients& is, const Problem& problem, const Inputs& inputs, Observation& observation) {
    observation.attention = {Tensor<double>(problem.q_shape()),
                             Lse<double>(problem.batch, problem.heads, problem.tokens)};
    if (inputs.dout)
        observation.gradients = {{problem.q_shape(), 0.0}, {problem.kv_shape(), 0.0}, {problem.kv_shape(), 0.0}};
    const Calls calls(is, problem, inputs);
    auto& [out, lse] = observation.attention;
    for (Index b = 0; b < problem.batch; ++b)
        for (Index h = 0; h < problem.heads; ++h) {
            Running head = run_head(calls, is, problem, b, h, observation.cost);
            out.view().rows(b, h) = head.out;
            for (Index n = 0; n < problem.tokens; ++n) lse(b, h, n) = row(head, n).lse();
            if (inputs.dout) add_gradients(calls, is, problem, inputs, b, h, lse, *observation.gradients);
        }
    observation.cost.rows_received = calls.rows_received();
}

} // namespace

Observation observe(const Ingredients& ingredients, const Problem& problem, const Inputs& inputs) {
    Observation observation;
    try {
        run(ingredients, problem, inputs, observation);
    } catch (const std::exception& error) {
        observation = {};
        observation.error = error.what();
    }
    return observation;
}

} // namespace dra::defects
