#include "tests/defects/properties.hpp"

#include "reference/ring/shard.hpp"

#include <algorithm>

namespace dra::defects::test {
namespace {

constexpr double tolerance = 1e-9; // of numbers that are about 1, computed in double

bool equal(double x, double y) {
    return x == y || std::abs(x - y) <= tolerance * std::max({1.0, std::abs(x), std::abs(y)});
}

bool rows_equal(const Observation& x, const Observation& y, Index b, Index h, Index n) {
    for (Index d = 0; d < x.attention.out.shape().head_dim; ++d)
        if (!equal(x.attention.out(b, n, h, d), y.attention.out(b, n, h, d))) return false;
    return equal(x.attention.lse(b, h, n), y.attention.lse(b, h, n));
}

/// Whether holds(b, h, n) for every row.
template <class Holds> bool all_rows(const Problem& problem, Holds holds) {
    for (Index b = 0; b < problem.batch; ++b)
        for (Index h = 0; h < problem.heads; ++h)
            for (Index n = 0; n < problem.tokens; ++n)
                if (!holds(b, h, n)) return false;
    return true;
}

/// Changes k and v of one token, in all heads or one.
void perturb(PosedProblem& posed, Index token, Index kv_head = -1) {
    for (Index b = 0; b < posed.problem.batch; ++b)
        for (Index g = 0; g < posed.problem.kv_heads; ++g)
            if (kv_head < 0 || kv_head == g)
                for (Index d = 0; d < posed.problem.head_dim; ++d) {
                    posed.k(b, token, g, d) += 0.5;
                    posed.v(b, token, g, d) -= 3;
                }
}

/// The token that a property is tried on.
Index some_token(const PosedProblem& posed) { return posed.problem.tokens * 2 / 3; }

bool differs_from_oracle(const Box& box, Kind kind, const PosedProblem& posed) {
    const Inputs inputs = posed.inputs();
    const Oracle truth = oracle<double>(posed.problem, inputs, inputs.dout);
    return excess(kind, posed.run(box), posed.problem, inputs, truth) > 1;
}

bool weights_do_not_sum_to_one(const Box& box, Kind, PosedProblem posed) {
    posed.v.flat().setOnes();
    const Observation seen = posed.run(box);
    return seen.error.empty() && !all_rows(posed.problem, [&](Index b, Index h, Index n) {
               const double sum = seen.attention.out(b, n, h, 0);
               return equal(sum, 1) || sum == 0;
           });
}

bool wrong_rows_are_empty(const Box& box, Kind, const PosedProblem& posed) {
    const Observation seen = posed.run(box);
    return seen.error.empty() && !all_rows(posed.problem, [&](Index b, Index h, Index n) {
               return (posed.seen(h, n, n) > 0) == std::isfinite(seen.attention.lse(b, h, n));
           });
}

bool future_leaks(const Box& box, Kind, PosedProblem posed) {
    if (!posed.problem.causal) return false;
    const Observation before = posed.run(box);
    const Index from = some_token(posed);
    for (Index n = from; n < posed.problem.tokens; ++n) perturb(posed, n);
    const Observation after = posed.run(box);
    return before.error.empty() && !all_rows(posed.problem, [&](Index b, Index h, Index n) {
               return n >= from || rows_equal(before, after, b, h, n);
           });
}

bool unseen_key_matters(const Box& box, Kind, PosedProblem posed) {
    const Observation before = posed.run(box);
    const Index key = some_token(posed);
    perturb(posed, key);
    const Observation after = posed.run(box);
    return before.error.empty() && !all_rows(posed.problem, [&](Index b, Index h, Index n) {
               return posed.seen(h, n, key) > 0 || rows_equal(before, after, b, h, n);
           });
}

bool seen_key_does_not_matter(const Box& box, Kind, PosedProblem posed) {
    posed.q.flat() *= 1e-3; // no weight is small
    const Observation before = posed.run(box);
    const Index key = some_token(posed);
    perturb(posed, key);
    const Observation after = posed.run(box);
    return before.error.empty() && !all_rows(posed.problem, [&](Index b, Index h, Index n) {
               return posed.seen(h, n, key) == 0 || !rows_equal(before, after, b, h, n);
           });
}

bool depends_on_ranks(const Box& box, Kind, const PosedProblem& posed) {
    const Observation one = posed.on_ring(1).run(box);
    for (const Index ranks : {2, 3, 5}) {
        const Observation many = posed.on_ring(ranks).run(box);
        if (many.error != one.error) return true;
        if (!one.error.empty()) continue;
        if (!all_rows(posed.problem, [&](Index b, Index h, Index n) { return rows_equal(one, many, b, h, n); }))
            return true;
        if (!((one.gradients->dk.flat() - many.gradients->dk.flat()).abs() <= tolerance * 100).all()) return true;
    }
    return false;
}

/// Scores of a row all grow by the same number when the same vector is added to all keys.
bool shift_matters(const Box& box, Kind, PosedProblem posed) {
    const Observation before = posed.run(box);
    posed.k.flat() += 0.75;
    const Observation after = posed.run(box);
    return before.error.empty() && !all_rows(posed.problem, [&](Index b, Index h, Index n) {
               for (Index d = 0; d < posed.problem.head_dim; ++d)
                   if (!equal(before.attention.out(b, n, h, d), after.attention.out(b, n, h, d))) return false;
               return true;
           });
}

/// Two keys that a row sees equally often may change places.
bool order_of_keys_matters(const Box& box, Kind, PosedProblem posed) {
    const Observation before = posed.run(box);
    const Index i = some_token(posed);
    Index j = i - 1;
    while (j >= 0 && posed.seen(0, posed.problem.tokens - 1, j) != posed.seen(0, posed.problem.tokens - 1, i)) --j;
    if (j < 0) return false;
    for (Tensor<double>* x : {&posed.k, &posed.v})
        for (Index b = 0; b < posed.problem.batch; ++b)
            for (Index g = 0; g < posed.problem.kv_heads; ++g) {
                auto rows = x->view().rows(b, g);
                rows.row(i).swap(rows.row(j));
            }
    const Observation after = posed.run(box);
    return before.error.empty() && !all_rows(posed.problem, [&](Index b, Index h, Index n) {
               return posed.seen(h, n, i) != posed.seen(h, n, j) || rows_equal(before, after, b, h, n);
           });
}

bool heads_mix(const Box& box, Kind, PosedProblem posed) {
    const Observation before = posed.run(box);
    const Index g = posed.problem.kv_heads - 1;
    for (Index n = 0; n < posed.problem.tokens; ++n) perturb(posed, n, g);
    const Observation after = posed.run(box);
    return before.error.empty() && !all_rows(posed.problem, [&](Index b, Index h, Index n) {
               return h / posed.problem.query_heads_per_kv_head() == g || rows_equal(before, after, b, h, n);
           });
}

bool not_linear_in_v(const Box& box, Kind, PosedProblem posed) {
    const Observation before = posed.run(box);
    posed.v.flat() *= 2;
    const Observation after = posed.run(box);
    return before.error.empty() && !all_rows(posed.problem, [&](Index b, Index h, Index n) {
               return equal(2 * before.attention.out(b, n, h, 0), after.attention.out(b, n, h, 0));
           });
}

bool ends_badly(const Box& box, Kind, const PosedProblem& posed) {
    const Observation seen = posed.run(box);
    return !seen.error.empty() || !seen.attention.out.flat().isFinite().all() ||
           (seen.attention.lse.flat().isNaN() || seen.attention.lse.flat() == std::numeric_limits<double>::infinity())
               .any();
}

bool does_not_count_keys(const Box& box, Kind, PosedProblem posed) {
    posed.q.flat().setZero();
    const Observation seen = posed.run(box);
    return seen.error.empty() && !all_rows(posed.problem, [&](Index b, Index h, Index n) {
               Index keys = 0;
               for (Index j = 0; j < posed.problem.tokens; ++j) keys += posed.seen(h, n, j);
               return equal(seen.attention.lse(b, h, n), std::log(static_cast<double>(keys)));
           });
}

/// The loss sum(out * dout), whose gradients dq, dk and dv are, along one direction in q, k and v.
bool gradients_are_no_derivative(const Box& box, Kind, const PosedProblem& posed) {
    const Observation seen = posed.run(box);
    if (!seen.error.empty() || posed.steep || posed.problem.stop_gradient_mixing) return false;
    constexpr double h = 1e-5;
    PosedProblem up = posed, down = posed;
    double slope = 0;
    const auto move = [&](Tensor<double> PosedProblem::*x, const Tensor<double>& gradient, std::uint64_t seed) {
        const Tensor<double> direction = random_normal<double>(gradient.shape(), seed);
        (up.*x).flat() += h * direction.flat();
        (down.*x).flat() -= h * direction.flat();
        slope += (gradient.flat() * direction.flat()).sum();
    };
    move(&PosedProblem::q, seen.gradients->dq, 91);
    move(&PosedProblem::k, seen.gradients->dk, 92);
    move(&PosedProblem::v, seen.gradients->dv, 93);
    const auto loss = [&](const PosedProblem& at) {
        return (at.run(box).attention.out.flat() * posed.dout.flat()).sum();
    };
    const double difference = (loss(up) - loss(down)) / (2 * h);
    return !(std::abs(difference - slope) <= 1e-5 * std::max({1.0, std::abs(difference), std::abs(slope)}));
}

bool work_grows_with_ranks(const Box& box, Kind, const PosedProblem& posed) {
    const Observation one = posed.on_ring(1).run(box), many = posed.on_ring(4).run(box);
    return one.error.empty() && many.error.empty() && many.cost.pairs > one.cost.pairs;
}

/// Each rank that has tokens receives all keys but its own, in a ring that is not causal.
bool receives_other_rows_than_it_needs(const Box& box, Kind, const PosedProblem& posed) {
    const PosedProblem ring = posed.on_ring(4);
    const Observation many = ring.run(box);
    const Problem& problem = ring.problem;
    Index receiving = -1; // all but one
    for (Index rank = 0; rank < problem.ranks; ++rank) receiving += tokens_in(owned(problem, rank)) > 0;
    return many.error.empty() &&
           many.cost.rows_received != receiving * problem.tokens * problem.batch * problem.kv_heads;
}

} // namespace

PosedProblem::PosedProblem(std::uint64_t seed) {
    dra::test::Question asked = dra::test::draw_question(dra::test::SeededDraw(seed), {.tokens = 20, .head_dim = 4});
    asked.configuration.ranks = 1 + static_cast<Index>(seed % 5);
    asked.configuration.softmax_scale.reset();
    asked.configuration.stop_gradient_mixing = seed % 11 == 0;
    steep = seed % 6 == 0;
    const double deviation = steep ? 12 : asked.deviation;
    const auto drawn = [&](Shape shape, std::uint64_t number, double spread) {
        return rounded_to<bfloat16>(random_normal<float>(shape, 4 * seed + number, spread)).cast<double>();
    };
    q = drawn(asked.q, 0, deviation);
    k = drawn(asked.kv(), 1, deviation);
    if (seed % 7 == 0) q.flat().setZero();
    v = drawn(asked.kv(), 2, 1);
    dout = drawn(asked.q, 3, 1);
    problem = validate(asked.configuration, info<double>({q, k, v}));
}

PosedProblem PosedProblem::on_ring(Index ranks) const {
    PosedProblem other = *this;
    other.problem.ranks = ranks;
    return other;
}

const std::vector<Property>& properties() {
    static const std::vector<Property> all = {
        {"is the oracle's", differs_from_oracle},
        {"weights sum to one", weights_do_not_sum_to_one},
        {"unselected rows, and no others, are empty", wrong_rows_are_empty},
        {"the future does not leak", future_leaks},
        {"an unseen key changes nothing", unseen_key_matters},
        {"a seen key changes the row", seen_key_does_not_matter},
        {"independent of R", depends_on_ranks},
        {"a shift of all keys changes no weight", shift_matters},
        {"keys may change places", order_of_keys_matters},
        {"heads keep apart", heads_mix},
        {"linear in v", not_linear_in_v},
        {"ends well, and finite", ends_badly},
        {"q = 0 counts the keys", does_not_count_keys},
        {"gradients are derivatives", gradients_are_no_derivative},
        {"work does not grow with R", work_grows_with_ranks},
        {"what is not owned is received", receives_other_rows_than_it_needs},
    };
    return all;
}

} // namespace dra::defects::test
