#include "reference/defects/ingredients.hpp"

#include <cmath>
#include <limits>

namespace dra::defects {

constexpr double infinity = std::numeric_limits<double>::infinity();

RunningRows::RunningRows(Index rows, Index head_dim)
    : out(RowMajor<double>::Zero(rows, head_dim)), maximum(Eigen::ArrayXd::Constant(rows, -infinity)),
      sum(Eigen::ArrayXd::Zero(rows)) {}

double RunningRow::lse() const { return maximum + std::log(sum); }

void set(RunningRow row, const Eigen::RowVectorXd& out, double lse) {
    row.out = out;
    row.maximum = lse;
    row.sum = 1;
}

namespace {

/// The rows of one head at `positions`. (positions, D)
RowMajor<double> gathered(TensorView<const double> x, Index b, Index h, const PositionList& positions) {
    const Index D = x.shape().head_dim;
    RowMajor<double> rows = RowMajor<double>::Zero(static_cast<Index>(positions.size()), D);
    for (Index i = 0; i < rows.rows(); ++i)
        if (const Index n = positions[i]; n >= 0 && n < x.shape().tokens)
            rows.row(i) = Eigen::Map<const Eigen::RowVectorXd>(x.row(b, n, h), D);
    return rows;
}

} // namespace

RowMajor<double> query_rows(const Call& call, TensorView<const double> x) {
    return gathered(x, call.b, call.h, call.tokens);
}

RowMajor<double> key_rows(const Call& call, TensorView<const double> x) {
    return gathered(x, call.b, call.g, call.keys);
}

RowMajor<double> scores(const Call& call) {
    RowMajor<double> S =
        call.problem.softmax_scale * query_rows(call, call.inputs.q) * key_rows(call, call.inputs.k).transpose();
    if (!call.problem.causal) return S;
    Pair pair;
    pair.segment_begin = call.piece.whole().begin;
    pair.chunk_begin = call.piece.chunk.begin;
    pair.dilation_rate = call.piece.pattern.dilation_rate;
    for (Index i = 0; i < S.rows(); ++i)
        for (pair.key_index = 0; pair.key_index < S.cols(); ++pair.key_index) {
            pair.query = call.queries[i];
            pair.key = call.keys[pair.key_index];
            if (!call.ingredients.sees(pair)) S(i, pair.key_index) = -infinity;
        }
    return S;
}

void to_weights(Eigen::Ref<Eigen::RowVectorXd> scores, double lse) {
    constexpr double smallest = -708; // e to it is a normal number
    const Eigen::ArrayXd shifted = scores.transpose().array() - lse;
    scores = (shifted < smallest).select(0, shifted.exp()).matrix().transpose();
}

namespace right {

PositionList selected(const Piece& piece) {
    const auto [begin, end] = piece.interval();
    const Positions positions = piece.pattern.selected(piece.segment, piece.tokens).within(begin, end);
    PositionList list;
    for (Index t = 0; t < positions.count; ++t) list.push_back(positions[t]);
    return list;
}

std::vector<Interval> owned(const Problem& problem, Index rank) { return dra::owned(problem, rank); }

PositionList attended(const Problem&, const Piece&, PositionList selected) { return selected; }

bool sees(const Pair& pair) { return pair.key <= pair.query; }

bool visits(const Problem&, const Interval&, const Interval&) { return true; }

Index step_at(Index rank, Index owner, Index ranks) { return (rank - owner + ranks) % ranks; }
Index step_in_order(Index, Index owner, Index) { return owner; }

Index gradient_owner(Index, Index owner, Index) { return owner; }

double delta(const Problem& problem, double all_patterns, double this_pattern) {
    return problem.stop_gradient_mixing ? this_pattern : all_patterns;
}

RunningRows attend(const Call& call) {
    RowMajor<double> S = scores(call);                        // (queries, keys)
    const RowMajor<double> V = key_rows(call, call.inputs.v); // (keys, D)
    RunningRows result(S.rows(), V.cols());
    for (Index i = 0; i < S.rows(); ++i) {
        const double maximum = S.row(i).maxCoeff();
        if (maximum == -infinity) {
            S.row(i).setZero();
            continue;
        }
        to_weights(S.row(i), maximum);
        result.maximum[i] = maximum;
        result.sum[i] = S.row(i).sum();
    }
    result.out = S * V;
    return result;
}

void merge(RunningRow into, const RunningRow& from, const MergePart&) {
    if (from.maximum == -infinity) return; // -inf minus -inf is NaN
    const double maximum = std::max(into.maximum, from.maximum);
    const double a = std::exp(into.maximum - maximum), b = std::exp(from.maximum - maximum);
    into.out = a * into.out + b * from.out;
    into.sum = a * into.sum + b * from.sum;
    into.maximum = maximum;
}

void finish(RunningRow row) {
    if (row.sum == 0) return;
    row.out /= row.sum;
    row.maximum += std::log(row.sum);
    row.sum = 1;
}

} // namespace right

PositionList counted_from_chunk(const Piece& piece) {
    PositionList list;
    const auto [begin, end] = piece.interval();
    for (Index n = begin + piece.pattern.phase; n < end; n += piece.pattern.dilation_rate) list.push_back(n);
    return list;
}

} // namespace dra::defects
