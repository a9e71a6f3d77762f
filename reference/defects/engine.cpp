#include "reference/defects/engine.hpp"

#include <algorithm>
#include <cmath>

namespace dra::defects {
namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

/// Goes over the calls of one (batch, head), in the order in which a ring makes them.
class Calls {
public:
    Calls(const Ingredients& ingredients, const Problem& problem, const Inputs& inputs)
        : is_(ingredients), problem_(problem), inputs_(inputs), token_at_(at(problem.tokens), -1),
          first_rank_(at(problem.tokens), -1) {
        for (Index n = 0; n < problem.tokens; ++n) {
            const Index position = problem.causal ? is_.decoding_position(n) : n;
            if (position >= 0) token_at_[at(position)] = n;
        }
        for (Index rank = problem.ranks - 1; rank >= 0; --rank)
            for (const auto [begin, end] : is_.computed(problem, rank))
                std::fill(first_rank_.begin() + begin, first_rank_.begin() + end, rank);
    }

    /// Calls visit(call) for one pattern of one head.
    template <class Visit> void of(Index b, Index h, Index pattern, Visit visit) const {
        for (Index rank = 0; rank < problem_.ranks; ++rank)
            for (const Interval& queries : is_.computed(problem_, rank))
                for (Index step = 0; step < problem_.ranks; ++step) {
                    const Index owner = is_.owner_at(rank, step, problem_.ranks);
                    const auto chunks = is_.owned(problem_, owner);
                    const Index here = static_cast<Index>(chunks.size());
                    for (Index c = 0; c < here; ++c)
                        if (is_.visits(problem_, queries, chunks[at(c)]))
                            of(b, h, pattern, {rank, owner, owner * here + c, problem_.ranks * here}, queries,
                               chunks[at(c)], visit);
                }
    }

    /// The positions that a pattern of a KV head selects, ascending.
    PositionList selected(Index g, Index pattern) const {
        PositionList list;
        const Pattern how = is_.pattern_of(problem_, pattern, g);
        for (Index s = 0; s < how.segments(problem_.tokens); ++s)
            for (Index rank = 0; rank < problem_.ranks; ++rank)
                for (const Interval& chunk : is_.owned(problem_, rank))
                    if (const Piece piece{how, s, chunk, problem_.tokens}; !piece.empty())
                        for (const Index position : is_.selected(piece)) list.push_back(position);
        std::ranges::sort(list);
        return list;
    }

private:
    struct Step {
        Index rank, owner, chunk, chunks;
    };

    /// The calls of one chunk of queries with one of keys, segment by segment.
    template <class Visit> void of(Index b, Index h, Index pattern, const Step& step, const Interval& queries,
                                   const Interval& keys, Visit visit) const {
        const Index g = h / problem_.group_size();
        const Pattern how = is_.pattern_of(problem_, pattern, g);
        for (Index s = 0; s < how.segments(problem_.tokens); ++s) {
            const Piece query_piece{how, s, queries, problem_.tokens}, key_piece{how, s, keys, problem_.tokens};
            if (query_piece.empty() || key_piece.empty()) continue;
            const PositionList selected = is_.selected(query_piece);
            Call call{.problem = problem_,
                      .ingredients = is_,
                      .inputs = inputs_,
                      .b = b,
                      .h = h,
                      .g = g,
                      .pattern = pattern,
                      .rank = step.rank,
                      .owner = step.owner,
                      .chunk = {step.chunk, step.chunks},
                      .piece = key_piece,
                      .keys = is_.attended(problem_, key_piece, is_.selected(key_piece))};
            for (const Index position : selected) {
                const Index token = token_at_[at(position)];
                if (token < 0 || first_rank_[at(position)] != step.rank) continue;
                call.queries.push_back(position);
                call.tokens.push_back(token);
            }
            call.pairs = static_cast<Index>(selected.size() * call.keys.size());
            if (call.pairs > 0) visit(call);
        }
    }

    const Ingredients& is_;
    const Problem& problem_;
    const Inputs& inputs_;
    std::vector<Index> token_at_;   ///< of every position
    std::vector<Index> first_rank_; ///< of every position: the first rank that computes it, whose result is kept
};

/// One pattern of one head: chunks merged, rows finished and put in their places.
Running run_pattern(const Calls& calls, const Ingredients& is, const Problem& problem, Index b, Index h, Index pattern,
                    Work& work) {
    Running rows(problem.tokens, problem.head_dim);
    calls.of(b, h, pattern, [&](const Call& call) {
        Running partial = is.attend(call);
        for (Index i = 0; i < partial.rows(); ++i) is.merge(row(rows, call.tokens[at(i)]), row(partial, i), call.chunk);
        work.pairs += call.pairs;
    });
    for (Index n = 0; n < rows.rows(); ++n) is.finish(row(rows, n));
    const Index g = h / problem.group_size();
    is.place({rows, calls.selected(g, pattern), is.pattern_of(problem, pattern, g), problem});
    return rows;
}

/// All patterns of one head.
Running run_head(const Calls& calls, const Ingredients& is, const Problem& problem, Index b, Index h, Work& work) {
    Running head(problem.tokens, problem.head_dim);
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern) {
        if (!is.uses(problem, pattern, h / problem.group_size())) continue;
        Running rows = run_pattern(calls, is, problem, b, h, pattern, work);
        for (Index n = 0; n < rows.rows(); ++n) is.mix(row(head, n), row(rows, n), {pattern, problem.patterns()});
    }
    for (Index n = 0; n < head.rows(); ++n) is.finish(row(head, n));
    return head;
}

/// The rows of k that ranks attend without owning or computing them.
Index rows_received(const Ingredients& is, const Problem& problem) {
    Index rows = 0;
    for (Index rank = 0; rank < problem.ranks; ++rank) {
        const auto computed = is.computed(problem, rank);
        for (Index owner = 0; owner < problem.ranks; ++owner)
            for (const Interval& keys : is.owned(problem, owner)) {
                const auto holds = [&](const Interval& held) {
                    return held.begin <= keys.begin && keys.end <= held.end;
                };
                const auto needs = [&](const Interval& queries) { return is.visits(problem, queries, keys); };
                if (std::ranges::none_of(computed, holds) && std::ranges::any_of(computed, needs)) rows += keys.size();
            }
    }
    return rows * problem.batch * problem.kv_heads;
}

/// Row i of rank `from`'s shard, as a position of rank `to`'s; -1 where that shard is shorter.
Index moved(const Ingredients& is, const Problem& problem, Index position, Index from, Index to) {
    if (from == to) return position;
    Index local = 0;
    for (const auto [begin, end] : is.owned(problem, from)) {
        if (begin <= position && position < end) {
            local += position - begin;
            break;
        }
        local += end - begin;
    }
    for (const auto [begin, end] : is.owned(problem, to)) {
        if (local < end - begin) return begin + local;
        local -= end - begin;
    }
    return -1;
}

/// Adds one head's gradients.
///
///     P = e^(S - lse),   dS = P (dP - delta),   dq += scale dS K,   dk += scale dS^T Q,   dv += P^T dO
void add_gradients(const Calls& calls, const Ingredients& is, const Problem& problem, const Inputs& inputs, Index b,
                   Index h, const Lse<double>& lse, Gradients<double>& gradients) {
    const Index g = h / problem.group_size();
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
                    const Index position = moved(is, problem, call.keys[at(j)], call.owner, to);
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
            Running head = run_head(calls, is, problem, b, h, observation.work);
            out.view().rows(b, h) = head.out;
            for (Index n = 0; n < problem.tokens; ++n) lse(b, h, n) = row(head, n).lse();
            if (inputs.dout) add_gradients(calls, is, problem, inputs, b, h, lse, *observation.gradients);
        }
    observation.work.rows_received = rows_received(is, problem);
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
