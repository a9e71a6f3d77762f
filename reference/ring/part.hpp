#pragma once
/// \file
/// Parts: which heads of which tokens a tensor holds that is not the whole one.

#include "reference/definition/problem.hpp"

#include <vector>

namespace dra {

/// The tokens of a tensor's rows, piece after piece: a shard's are intervals, what was gathered are every r-th ones. A
/// part of an arithmetic progression is one again, among the tokens and among the rows alike: whatever a pattern
/// selects of a piece lies in the tensor at a stride.
class TokenRows {
public:
    TokenRows() = default;
    explicit TokenRows(std::vector<Positions> pieces) : pieces_(std::move(pieces)) {
        for (const Positions& piece : pieces_) {
            first_rows_.push_back(count_);
            count_ += piece.count;
        }
    }
    explicit TokenRows(const std::vector<Interval>& intervals) : TokenRows(as_pieces(intervals)) {}

    const std::vector<Positions>& pieces() const { return pieces_; }
    Index count() const { return count_; }

    /// Rows of the tensor: those of `tokens`, all of which are in piece i.
    Positions rows(std::size_t i, const Positions& tokens) const {
        const Positions& piece = pieces_[i];
        return {first_rows_[i] + (tokens.first - piece.first) / piece.stride, tokens.stride / piece.stride,
                tokens.count};
    }

    bool operator==(const TokenRows&) const = default;

private:
    static std::vector<Positions> as_pieces(const std::vector<Interval>& intervals) {
        std::vector<Positions> pieces;
        for (const auto& [begin, end] : intervals) pieces.push_back({begin, 1, end - begin});
        return pieces;
    }

    std::vector<Positions> pieces_;
    std::vector<Index> first_rows_;
    Index count_ = 0;
};

/// What a tensor [B, rows, heads, D] holds of a whole one.
struct Part {
    Interval heads; ///< query heads, or KV heads in k and v
    TokenRows tokens;

    bool operator==(const Part&) const = default;
};

/// Some queries: those at some tokens, of the query heads that use some KV heads.
struct Queries {
    Interval tokens, kv_heads;

    static Queries all(const Problem& problem) { return {{0, problem.tokens}, {0, problem.kv_heads}}; }
};

/// What is in both.
constexpr Interval common(const Interval& a, const Interval& b) {
    const Index begin = std::max(a.begin, b.begin);
    return {begin, std::max(begin, std::min(a.end, b.end))};
}

/// From the first position to behind the last; [0, 0) where there is none.
constexpr Interval extent(const Positions& positions) {
    return positions.empty() ? Interval{} : Interval{positions.first, positions[positions.count - 1] + 1};
}

/// The query heads that use a KV head, and the KV heads that query heads use.
inline Interval query_heads_of(const Problem& problem, Index kv_head) {
    const Index group = problem.query_heads_per_kv_head();
    return {kv_head * group, (kv_head + 1) * group};
}
inline Interval kv_heads_of(const Problem& problem, const Interval& heads) {
    const Index group = problem.query_heads_per_kv_head();
    return {heads.begin / group, ceil_div(heads.end, group)};
}

} // namespace dra
