#pragma once
/// \file
/// The ingredients of dilated ring attention: the small decisions that it is composed of, each a function that can be
/// exchanged. A defect is one wrong ingredient; observe.hpp runs any set of them.
///
/// A default is the right one. They are asked in this order: which heads use a pattern, what it selects in which
/// chunk, who sees whom, how partials are found, merged, written down and finished; then for gradients and decoding.

#include "reference/definition/pattern.hpp"
#include "reference/ring/shard.hpp"

#include <functional>
#include <vector>

namespace dra::defects {

/// Positions in any order, repeats included. A key at a position outside of [0, N) is a row of zeros.
using PositionList = std::vector<Index>;

/// The tensors of a problem, in double whatever their type was.
struct Inputs : InputsView<double> {
    std::optional<TensorView<const double>> dout = {};
};

/// The part of a segment that lies in a chunk.
struct Piece {
    Pattern pattern;
    Index segment;
    Interval chunk; ///< the chunk's global tokens
    Index tokens;   ///< N

    /// The whole segment, as far as there are tokens.
    Interval whole() const {
        const Index w = pattern.segment_length;
        return {segment * w, std::min((segment + 1) * w, tokens)};
    }
    /// Its tokens.
    Interval interval() const {
        const auto [begin, end] = whole();
        return {std::max(begin, chunk.begin), std::min(end, chunk.end)};
    }

    /// The same piece as a pattern that selects every token of it.
    Piece undilated() const { return {{pattern.segment_length, 1, 0}, segment, chunk, tokens}; }
};

/// A query and a key that a pattern joins.
struct Pair {
    Index query = 0, key = 0; ///< positions
    Index key_index = 0;      ///< the key's number among those that are attended in its piece
    Index segment_begin = 0;  ///< where the key's segment begins
    Index chunk_begin = 0;    ///< where the key's chunk begins
    Index dilation_rate = 1;  ///< the pattern's r
};

/// The number of chunks that keys come in: one per rank, or two in a zigzag.
inline Index chunks(const Problem& problem) { return (problem.layout == Layout::contiguous ? 1 : 2) * problem.ranks; }

/// The running result of rows over some keys: online softmax's triple, with lse = maximum + log sum.
///
///     maximum = max_j s_j,   sum = sum_j e^(s_j - maximum),   out = sum_j e^(s_j - maximum) v_j
///
/// A row that saw no key is (0, -inf, 0). A normalised partial (out, lse) is the triple (out, lse, 1).
struct RunningRows {
    RowMajor<double> out;        ///< (rows, D)
    Eigen::ArrayXd maximum, sum; ///< (rows)

    RunningRows(Index rows, Index head_dim);
    Index rows() const { return out.rows(); }
};

/// One of running rows.
struct RunningRow {
    Eigen::Ref<Eigen::RowVectorXd> out; ///< (D)
    double &maximum, &sum;

    double lse() const;
};
inline RunningRow row(RunningRows& rows, Index i) { return {rows.out.row(i), rows.maximum[i], rows.sum[i]}; }

/// Makes a row the normalised partial (out, lse).
void set(RunningRow row, const Eigen::RowVectorXd& out, double lse);

/// What is merged: which chunk or which pattern, of how many. Chunks are numbered rank by rank.
struct MergePart {
    Index index, count;
};

struct Ingredients;

/// One call of attention: some rows of a head against some keys of its KV head.
struct Call {
    const Problem& problem;
    const Ingredients& ingredients;
    const Inputs& inputs;
    Index b, h, g, pattern;
    Index rank, owner; ///< who computes, and whose keys they are
    MergePart chunk;   ///< which of all chunks the keys are
    Piece piece;       ///< the piece that the keys lie in
    PositionList keys, queries = {};
    std::vector<Index> tokens = {}; ///< the row of q that each query is, and of the result
    Index pairs = 0; ///< the scores computed: more than queries times keys where other ranks have the same rows
};

/// The rows of q or dout (queries, D), or of k or v (keys, D), that a call reads; zeros outside of [0, N).
RowMajor<double> query_rows(const Call& call, TensorView<const double> x);
RowMajor<double> key_rows(const Call& call, TensorView<const double> x);

/// The scaled scores of a call, -inf where a query does not see a key. (queries, keys)
RowMajor<double> scores(const Call& call);

/// A row of scores becomes e^(s - lse), and 0 where that is no normal number: of a pair that is not seen Eigen's exp
/// makes a subnormal, with which products take a hundred times as long.
void to_weights(Eigen::Ref<Eigen::RowVectorXd> scores, double lse);

/// A pattern's results in one head, ready to be mixed: row n of out and lse for every token n.
struct PatternResult {
    RunningRows& rows;     ///< (N), finished: sum is 1, or 0 where no key was seen
    PositionList selected; ///< ascending
    Pattern pattern;
    const Problem& problem;
};

namespace right {

PositionList selected(const Piece& piece);
PositionList attended(const Problem& problem, const Piece& piece, PositionList selected);
std::vector<Interval> owned(const Problem& problem, Index rank);
bool sees(const Pair& pair);
bool visits(const Problem& problem, const Interval& queries, const Interval& keys);
Index step_at(Index rank, Index owner, Index ranks);
Index step_in_order(Index rank, Index owner, Index ranks); ///< also right, where all chunks were gathered before
Index gradient_owner(Index rank, Index owner, Index ranks);
double delta(const Problem& problem, double all_patterns, double this_pattern);
RunningRows attend(const Call& call);
void merge(RunningRow into, const RunningRow& from, const MergePart& merged);
void finish(RunningRow row);

} // namespace right

/// The wrong `selected` of two defects: every r-th position from the phase on, counted from where the piece begins.
PositionList counted_from_chunk(const Piece& piece);

/// A set of ingredients; unchanged it is the definition.
struct Ingredients {
    /// Whether KV head g uses pattern i.
    std::function<bool(const Problem&, Index pattern, Index kv_head)> uses = dra::uses;
    /// Pattern i as KV head g uses it.
    std::function<Pattern(const Problem&, Index pattern, Index kv_head)> pattern_of = dra::pattern_of;
    /// The positions that a pattern selects in a piece, as queries and as keys.
    std::function<PositionList(const Piece&)> selected = right::selected;
    /// The keys that are attended in a piece, given the selected ones: just these.
    std::function<PositionList(const Problem&, const Piece&, PositionList selected)> attended = right::attended;

    /// The tokens whose keys a rank holds at the start.
    std::function<std::vector<Interval>(const Problem&, Index rank)> owned = right::owned;
    /// The tokens whose rows a rank computes.
    std::function<std::vector<Interval>(const Problem&, Index rank)> computed = right::owned;
    /// At which step a rank attends the keys of `owner`; each at another.
    std::function<Index(Index rank, Index owner, Index ranks)> step_at = right::step_at;
    /// Whether queries of one chunk attend keys of another at all.
    std::function<bool(const Problem&, const Interval& queries, const Interval& keys)> visits = right::visits;

    /// Whether a query sees a key that its pattern joins with it; asked when the problem is causal.
    std::function<bool(const Pair&)> sees = right::sees;
    /// The partial of a call, one row per query.
    std::function<RunningRows(const Call&)> attend = right::attend;
    /// How the partial of a chunk enters what its row has gathered from other chunks.
    std::function<void(RunningRow into, const RunningRow& from, const MergePart& chunk)> merge = right::merge;
    /// Divides by the sum: the triple becomes (out, lse, 1). A row that saw no key stays what it is.
    std::function<void(RunningRow)> finish = right::finish;
    /// How rows of a pattern's result become rows of the head: row n is that of token n, as it is.
    std::function<void(PatternResult)> place = [](PatternResult) {};
    /// How a pattern's result enters what the head has gathered from other patterns.
    std::function<void(RunningRow into, const RunningRow& from, const MergePart& pattern)> mix = right::merge;

    /// delta of a row, given sum_j p_j dP_j over all its keys and the same over those of one pattern, normalised there.
    std::function<double(const Problem&, double all_patterns, double this_pattern)> delta = right::delta;
    /// Whose dk and dv a rank adds to, after it attended the keys of `owner`.
    std::function<Index(Index rank, Index owner, Index ranks)> gradient_owner = right::gradient_owner;

    /// The position of a token that is decoded when `cached` tokens came before it; asked when the problem is causal.
    std::function<Index(Index cached)> decoding_position = [](Index cached) { return cached; };
};

} // namespace dra::defects
