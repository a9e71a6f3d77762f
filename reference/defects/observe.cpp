#include "reference/defects/observe.hpp"
#include "reference/defects/calls.hpp"

namespace dra::defects {
namespace {

/// One query head of one batch, and the calls that compute it.
struct Head {
    const Ingredients& ingredients;
    const Problem& problem;
    const Calls& calls;
    Index b, h;

    Index g() const { return h / problem.query_heads_per_kv_head(); }
    bool uses(Index pattern) const { return ingredients.uses(problem, pattern, g()); }

    /// Calls visit(call) for the calls of every pattern that the head uses.
    template <class Visit> void for_each_call(Visit visit) const {
        for (Index pattern = 0; pattern < problem.patterns(); ++pattern)
            if (uses(pattern)) calls.of(b, h, pattern, visit);
    }
};

/// One pattern of a head: chunks merged, rows finished and put in their places.
RunningRows run_pattern(const Head& head, Index pattern, Cost& cost) {
    const Ingredients& ingredients = head.ingredients;
    const Problem& problem = head.problem;
    RunningRows rows(problem.tokens, problem.head_dim);
    head.calls.of(head.b, head.h, pattern, [&](const Call& call) {
        RunningRows partial = ingredients.attend(call);
        for (Index i = 0; i < partial.rows(); ++i)
            ingredients.merge(row(rows, call.tokens[i]), row(partial, i), call.chunk);
        cost.pairs += call.pairs;
    });
    for (Index n = 0; n < rows.rows(); ++n) ingredients.finish(row(rows, n));
    ingredients.place(
        {rows, head.calls.selected(head.g(), pattern), ingredients.pattern_of(problem, pattern, head.g()), problem});
    return rows;
}

/// All patterns of a head.
RunningRows run_head(const Head& head, Cost& cost) {
    const Ingredients& ingredients = head.ingredients;
    const Problem& problem = head.problem;
    RunningRows all(problem.tokens, problem.head_dim);
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern) {
        if (!head.uses(pattern)) continue;
        RunningRows rows = run_pattern(head, pattern, cost);
        for (Index n = 0; n < rows.rows(); ++n)
            ingredients.mix(row(all, n), row(rows, n), {pattern, problem.patterns()});
    }
    for (Index n = 0; n < all.rows(); ++n) ingredients.finish(row(all, n));
    return all;
}

/// P = e^(S - lse) of a call. (queries, keys)
RowMajor<double> weights(const Call& call, const Lse<double>& lse) {
    RowMajor<double> P = scores(call);
    for (Index i = 0; i < P.rows(); ++i) to_weights(P.row(i), lse(call.b, call.h, call.tokens[i]));
    return P;
}

/// dP = dO V^T of a call. (queries, keys)
RowMajor<double> weight_gradients(const Call& call) {
    return query_rows(call, *call.inputs.dout) * key_rows(call, call.inputs.v).transpose();
}

/// The deltas of a head's rows under each of its patterns. (patterns, N)
RowMajor<double> deltas(const Head& head, const Lse<double>& lse) {
    const Problem& problem = head.problem;
    RowMajor<double> delta = RowMajor<double>::Zero(problem.patterns(), problem.tokens);
    RowMajor<double> weighted_dp = delta; // sum_j p_j dP_j over a pattern's keys
    RowMajor<double> share = delta;       // sum_j p_j over them
    head.for_each_call([&](const Call& call) {
        const RowMajor<double> P = weights(call, lse), PdP = P.cwiseProduct(weight_gradients(call));
        for (Index i = 0; i < P.rows(); ++i) {
            weighted_dp(call.pattern, call.tokens[i]) += PdP.row(i).sum();
            share(call.pattern, call.tokens[i]) += P.row(i).sum();
        }
    });
    Eigen::RowVectorXd all = Eigen::RowVectorXd::Zero(problem.tokens);
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern) all += weighted_dp.row(pattern);
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern)
        for (Index n = 0; n < problem.tokens; ++n) {
            const double own = share(pattern, n) > 0 ? weighted_dp(pattern, n) / share(pattern, n) : 0;
            delta(pattern, n) = head.ingredients.delta(problem, all[n], own);
        }
    return delta;
}

/// Adds a head's gradients.
///
///     P = e^(S - lse),   dS = P (dP - delta),   dq += scale dS K,   dk += scale dS^T Q,   dv += P^T dO
void add_gradients(const Head& head, const Lse<double>& lse, Gradients<double>& gradients) {
    const Problem& problem = head.problem;
    const RowMajor<double> delta = deltas(head, lse); // (patterns, N)
    head.for_each_call([&](const Call& call) {
        const RowMajor<double> P = weights(call, lse), dO = query_rows(call, *call.inputs.dout);
        RowMajor<double> dS = weight_gradients(call);
        for (Index i = 0; i < P.rows(); ++i)
            dS.row(i) = P.row(i).array() * (dS.row(i).array() - delta(call.pattern, call.tokens[i]));
        const RowMajor<double> dQ = problem.softmax_scale * dS * key_rows(call, call.inputs.k),
                               dK = problem.softmax_scale * dS.transpose() * query_rows(call, call.inputs.q),
                               dV = P.transpose() * dO;
        for (Index i = 0; i < P.rows(); ++i) gradients.dq.view().rows(call.b, call.h).row(call.tokens[i]) += dQ.row(i);
        const Index to = head.ingredients.gradient_owner(call.rank, call.owner, problem.ranks);
        for (Index j = 0; j < P.cols(); ++j) {
            const Index position = head.calls.moved(call.keys[j], call.owner, to);
            if (position < 0 || position >= problem.tokens) continue;
            gradients.dk.view().rows(call.b, call.g).row(position) += dK.row(j);
            gradients.dv.view().rows(call.b, call.g).row(position) += dV.row(j);
        }
    });
}

void run(const Ingredients& ingredients, const Problem& problem, const Inputs& inputs, Observation& observation) {
    observation.attention = {Tensor<double>(problem.q_shape()),
                             Lse<double>(problem.batch, problem.heads, problem.tokens)};
    if (inputs.dout)
        observation.gradients = {{problem.q_shape(), 0.0}, {problem.kv_shape(), 0.0}, {problem.kv_shape(), 0.0}};
    const Calls calls(ingredients, problem, inputs);
    auto& [out, lse] = observation.attention;
    for (Index b = 0; b < problem.batch; ++b)
        for (Index h = 0; h < problem.heads; ++h) {
            const Head head{ingredients, problem, calls, b, h};
            RunningRows result = run_head(head, observation.cost);
            out.view().rows(b, h) = result.out;
            for (Index n = 0; n < problem.tokens; ++n) lse(b, h, n) = row(result, n).lse();
            if (inputs.dout) add_gradients(head, lse, *observation.gradients);
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
