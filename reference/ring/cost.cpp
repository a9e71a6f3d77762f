#include "reference/ring/cost.hpp"

#include "reference/definition/pattern.hpp"
#include "reference/ring/shard.hpp"

#include <algorithm>

namespace dra {
namespace {

/// What ranks own and see, by their intervals alone.
class Ownership {
public:
    explicit Ownership(const Problem& problem) : problem_(problem) {
        for (Index rank = 0; rank < problem.ranks; ++rank) {
            owned_.push_back(owned(problem, rank));
            if (tokens_in(owned_.back()) > 0) participants_.push_back(rank);
        }
    }

    const std::vector<Interval>& of(Index rank) const { return owned_[rank]; }
    Index tokens(Index rank) const { return tokens_in(owned_[rank]); }
    const std::vector<Index>& participants() const { return participants_; }

    /// z_s(p): the position behind the last key that some query of p sees in the segment; its begin where there is none.
    Index seen_end(Index rank, const Pattern& pattern, Index segment) const {
        const Positions selected = pattern.selected(segment, problem_.tokens);
        Index end = segment * pattern.segment_length;
        for (const Interval& own : owned_[rank])
            if (const Positions asking = selected.within(own.begin, own.end); !asking.empty())
                end = std::max(end,
                               problem_.causal ? asking[asking.count - 1] + 1 : (segment + 1) * pattern.segment_length);
        return end;
    }

    /// Whether a query of `rank`, in some pattern of KV head g, sees the key at token n.
    bool needs(Index rank, Index g, Index n) const {
        for (Index i = 0; i < problem_.patterns(); ++i) {
            if (!uses(problem_, i, g)) continue;
            const Pattern pattern = pattern_of(problem_, i, g);
            const Index segment = pattern.segment_of(n);
            if (n % pattern.segment_length % pattern.dilation_rate == pattern.phase &&
                n < seen_end(rank, pattern, segment))
                return true;
        }
        return false;
    }

    /// The rows that `rank` needs of `owner`, of KV head g.
    Index rows(Index rank, Index owner, Index g) const {
        Index used = 0, which = 0, count = 0;
        for (Index i = 0; i < problem_.patterns(); ++i)
            if (uses(problem_, i, g)) ++used, which = i;
        for (const Interval& keys : owned_[owner]) {
            if (used > 1)
                for (Index n = keys.begin; n < keys.end; ++n) count += needs(rank, g, n);
            else if (used == 1)
                count += rows_in(rank, pattern_of(problem_, which, g), keys);
        }
        return count;
    }

private:
    Index rows_in(Index rank, const Pattern& pattern, const Interval& keys) const {
        Index count = 0;
        for (Index s = pattern.segment_of(keys.begin); s < pattern.segments(keys.end); ++s)
            count += pattern.selected(s, problem_.tokens)
                         .within(keys.begin, std::min(keys.end, seen_end(rank, pattern, s)))
                         .count;
        return count;
    }

    const Problem& problem_;
    std::vector<std::vector<Interval>> owned_;
    std::vector<Index> participants_;
};

/// Visible pairs of the queries at tokens [begin, end) with all keys, under all patterns of some heads: of the selected
/// ones in a segment the i-th sees i + 1, or all.
Index pairs_of(const Problem& problem, const Interval& queries, const Interval& heads) {
    Index pairs = 0;
    for (Index h = heads.begin; h < heads.end; ++h)
        for (Index i = 0; i < problem.patterns(); ++i) {
            const Index g = h / problem.query_heads_per_kv_head();
            if (!uses(problem, i, g)) continue;
            const Pattern pattern = pattern_of(problem, i, g);
            for (Index s = pattern.segment_of(queries.begin); s < pattern.segments(queries.end); ++s) {
                const Positions selected = pattern.selected(s, problem.tokens);
                const Index a = selected.below(queries.begin), b = selected.below(queries.end);
                pairs += problem.causal ? (b * (b + 1) - a * (a + 1)) / 2 : (b - a) * selected.count;
            }
        }
    return problem.batch * pairs;
}

Interval heads_of_rank(const Ownership& ownership, const Problem& problem, Index rank) {
    const std::vector<Index>& ranks = ownership.participants();
    return chunk(std::ranges::find(ranks, rank) - ranks.begin(), std::ssize(ranks), {0, problem.heads});
}

/// Rows of one KV head that a rank sends and receives, or of all of them.
struct RowCounts {
    Index sent = 0, received = 0;
};

/// Rows along a dilated ring: a rank hands on a row of `owner` where some rank behind it needs it, too.
Index handed_on(const Ownership& ownership, Index rank, Index owner, Index g) {
    const std::vector<Index>& ranks = ownership.participants();
    const auto at = [&](Index r) { return std::ranges::find(ranks, r) - ranks.begin(); };
    const Index R = std::ssize(ranks), first = (at(rank) - at(owner) + R) % R;
    Index count = 0;
    for (const Interval& keys : ownership.of(owner))
        for (Index n = keys.begin; n < keys.end; ++n) {
            if (rank != owner && !ownership.needs(rank, g, n)) continue;
            for (Index hop = first + 1; hop < R; ++hop)
                if (ownership.needs(ranks[(at(owner) + hop) % R], g, n)) {
                    ++count;
                    break;
                }
        }
    return count;
}

/// What a rank sends and receives of K, as rows of one head, in attention.
RowCounts key_rows(Strategy strategy, const Ownership& ownership, const Problem& problem, Index rank) {
    RowCounts rows;
    const std::vector<Index>& ranks = ownership.participants();
    const Index own = ownership.tokens(rank), others = problem.tokens - own, R = std::ssize(ranks);
    if (strategy == Strategy::all_gather) return {(R - 1) * own * problem.kv_heads, others * problem.kv_heads};
    if (strategy == Strategy::ring) { // everything but the shard of the rank behind it passes by
        const Index behind = ranks[(std::ranges::find(ranks, rank) - ranks.begin() + 1) % R];
        return {R > 1 ? (problem.tokens - ownership.tokens(behind)) * problem.kv_heads : 0, others * problem.kv_heads};
    }
    for (Index g = 0; g < problem.kv_heads; ++g)
        for (const Index other : ranks) {
            if (other != rank) {
                rows.received += ownership.rows(rank, other, g);
                if (strategy == Strategy::segment_gather) rows.sent += ownership.rows(other, rank, g);
            }
            if (strategy == Strategy::dilated_ring) rows.sent += handed_on(ownership, rank, other, g);
        }
    return rows;
}

bool is_gathering(Strategy strategy) {
    return strategy == Strategy::all_gather || strategy == Strategy::dilated_ring ||
           strategy == Strategy::segment_gather;
}

/// The elements that a rank sends and receives where it computes other rows than its own: `per_head` and `per_kv_head`
/// elements of every row of its heads.
RowCounts exchanged(const Ownership& ownership, const Problem& problem, Index rank, bool replicated, Index per_head,
                    Index per_kv_head) {
    const auto of_heads = [&](Index computing) {
        const Interval heads = replicated ? Interval{0, problem.heads} : heads_of_rank(ownership, problem, computing);
        if (heads.size() == 0) return Index{0};
        return heads.size() * per_head + kv_heads_of(problem, heads).size() * per_kv_head;
    };
    RowCounts elements;
    for (const Index other : ownership.participants())
        if (other != rank) {
            elements.sent += ownership.tokens(rank) * of_heads(other);
            elements.received += ownership.tokens(other) * of_heads(rank);
        }
    return elements;
}

} // namespace

Index least_bytes(const Problem& problem, Index rank, Index element_bytes) {
    return 2 * problem.batch * problem.head_dim * element_bytes *
           key_rows(Strategy::segment_gather, Ownership(problem), problem, rank).received;
}

Cost cost(Strategy strategy, const Problem& problem, Index rank, PassName pass, Index element_bytes) {
    const Ownership ownership(problem);
    if (ownership.tokens(rank) == 0) return {};
    const bool gradient = pass == PassName::gradient;
    const Index D = problem.head_dim, bytes = problem.batch * element_bytes;
    Cost cost;
    if (strategy == Strategy::replicate || strategy == Strategy::heads) {
        const bool replicated = strategy == Strategy::replicate;
        const RowCounts in = exchanged(ownership, problem, rank, replicated, D, gradient ? 0 : 2 * D),
                        out = replicated ? RowCounts{}
                                         : exchanged(ownership, problem, rank, false, gradient ? D : D + 1,
                                                     gradient ? 2 * D : 0);
        const Interval heads = replicated ? Interval{0, problem.heads} : heads_of_rank(ownership, problem, rank);
        cost.pairs = pairs_of(problem, {0, problem.tokens}, heads);
        cost.bytes_sent = bytes * (in.sent + out.received); // what came in for it goes back
        cost.bytes_received = bytes * (in.received + out.sent);
        return cost;
    }
    for (const Interval& own : ownership.of(rank)) cost.pairs += pairs_of(problem, own, {0, problem.heads});
    const RowCounts rows = key_rows(strategy, ownership, problem, rank);
    cost.bytes_sent = 2 * D * bytes * rows.sent;
    cost.bytes_received = 2 * D * bytes * rows.received;
    if (!gradient) return cost;
    // Gradients of what was received go back to its owner, and the other way round.
    const RowCounts direct = strategy == Strategy::ring || strategy == Strategy::all_gather
                                 ? key_rows(Strategy::all_gather, ownership, problem, rank)
                                 : key_rows(Strategy::segment_gather, ownership, problem, rank);
    if (is_gathering(strategy)) cost.bytes_sent = cost.bytes_received = 0; // the rows are still there
    cost.bytes_sent += 2 * D * bytes * direct.received;
    cost.bytes_received += 2 * D * bytes * direct.sent;
    return cost;
}

Index memory_beyond_shards(Strategy strategy, const Problem& problem, Index rank, bool gradient, Index element_bytes) {
    const Ownership ownership(problem);
    if (ownership.tokens(rank) == 0) return 0;
    const Index D = problem.head_dim, bytes = problem.batch * element_bytes, per_key = (gradient ? 6 : 2) * D,
                per_query = (gradient ? 6 : 3) * D + 2;
    if (is_gathering(strategy)) {
        const Strategy direct = strategy == Strategy::all_gather ? strategy : Strategy::segment_gather;
        const RowCounts rows = key_rows(direct, ownership, problem, rank);
        return bytes * (per_key * rows.received + (gradient ? 2 * D * rows.sent : 0));
    }
    if (strategy == Strategy::ring) {
        const std::vector<Index>& ranks = ownership.participants();
        const Index R = std::ssize(ranks), at = std::ranges::find(ranks, rank) - ranks.begin();
        Index largest[2] = {};
        for (Index step = 1; step < R; ++step)
            largest[step % 2] = std::max(largest[step % 2], ownership.tokens(ranks[(at - step + R) % R]));
        const Index returned = gradient && R > 1 ? 2 * D * ownership.tokens(rank) : 0;
        return bytes * problem.kv_heads * (per_key * (largest[0] + largest[1]) + returned);
    }
    const bool replicated = strategy == Strategy::replicate;
    const Interval heads = replicated ? Interval{0, problem.heads} : heads_of_rank(ownership, problem, rank);
    if (heads.size() > 0 || !gradient) {
        Index elements = 0;
        if (heads.size() > 0)
            elements = problem.tokens * (heads.size() * per_query + kv_heads_of(problem, heads).size() * per_key);
        if (!gradient || replicated) return bytes * elements;
        return bytes * elements + bytes * exchanged(ownership, problem, rank, false, 0, 2 * D).sent;
    }
    return bytes * exchanged(ownership, problem, rank, false, 0, 2 * D).sent;
}

} // namespace dra
