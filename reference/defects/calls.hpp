#pragma once
/// \file
/// The calls of attention that a set of ingredients makes of a problem: which rows of a rank meet which chunk of keys,
/// segment by segment. What they cost follows the tokens: ranks without any are asked once what they own.

#include "reference/defects/ingredients.hpp"

#include <algorithm>
#include <map>

namespace dra::defects {

/// A chunk of keys that has a token.
struct KeyChunk {
    Interval tokens;
    Index owner, number;
};

/// Tokens whose rows `times` ranks compute: the results of the first, `rank`, are kept; the others repeat it.
struct Share {
    Interval tokens;
    Index rank, times;
};

/// Goes over the calls of one (batch, head), in the order in which a ring makes them. Chunks without tokens are met
/// once, when the ingredients are asked for them.
class Calls {
public:
    Calls(const Ingredients& ingredients, const Problem& problem, const Inputs& inputs)
        : ingredients_(ingredients), problem_(problem), inputs_(inputs),
          token_at_(static_cast<std::size_t>(problem.tokens), -1), first_rank_(token_at_.size(), -1) {
        for (Index n = 0; n < problem.tokens; ++n) {
            const Index position = problem.causal ? ingredients_.decoding_position(n) : n;
            if (position >= 0) token_at_[position] = n;
        }
        for (Index rank = 0; rank < problem.ranks; ++rank) {
            owned_.push_back(ingredients_.owned(problem, rank));
            for (const Interval& tokens : owned_.back()) {
                if (tokens.size() > 0) chunks_.push_back({tokens, rank, count_});
                ++count_;
            }
            std::vector<Interval> computed = ingredients_.computed(problem, rank);
            for (const Interval& tokens : computed)
                if (tokens.size() > 0) share(tokens, rank);
            if (tokens_in(computed) > 0) computed_.push_back(std::move(computed));
        }
    }

    /// Calls visit(call) for one pattern of one head.
    template <class Visit> void of(Index b, Index h, Index pattern, Visit visit) const {
        const Pattern p = ingredients_.pattern_of(problem_, pattern, h / problem_.query_heads_per_kv_head());
        for (const Share& share : shares_)
            for (const KeyChunk& chunk : visiting(p, share))
                if (ingredients_.visits(problem_, share.tokens, chunk.tokens))
                    of(b, h, pattern, p, share, chunk, visit);
    }

    /// The positions that a pattern of a KV head selects, ascending.
    PositionList selected(Index g, Index pattern) const {
        PositionList list;
        const Pattern p = ingredients_.pattern_of(problem_, pattern, g);
        for (const KeyChunk& chunk : chunks_)
            for (Index s = p.segment_of(chunk.tokens.begin); s < p.segments(chunk.tokens.end); ++s)
                for (const Index position : ingredients_.selected({p, s, chunk.tokens, problem_.tokens}))
                    list.push_back(position);
        std::ranges::sort(list);
        return list;
    }

    /// The rows of k that ranks attend without owning or computing them.
    Index rows_received() const {
        Index rows = 0;
        for (const std::vector<Interval>& computed : computed_)
            for (const KeyChunk& keys : chunks_) {
                const auto holds = [&](const Interval& held) {
                    return held.begin <= keys.tokens.begin && keys.tokens.end <= held.end;
                };
                const auto needs = [&](const Interval& queries) {
                    return queries.size() > 0 && ingredients_.visits(problem_, queries, keys.tokens);
                };
                if (std::ranges::any_of(computed, needs) && std::ranges::none_of(computed, holds))
                    rows += keys.tokens.size();
            }
        return rows * problem_.batch * problem_.kv_heads;
    }

    /// Row i of rank `from`'s shard, as a position of rank `to`'s; -1 where that shard is shorter.
    Index moved(Index position, Index from, Index to) const {
        if (from == to) return position;
        Index local = 0;
        for (const auto [begin, end] : owned_[from]) {
            if (begin <= position && position < end) {
                local += position - begin;
                break;
            }
            local += end - begin;
        }
        for (const auto [begin, end] : owned_[to]) {
            if (local < end - begin) return begin + local;
            local -= end - begin;
        }
        return -1;
    }

private:
    void share(const Interval& tokens, Index rank) {
        const auto [known, is_first] = share_of_.try_emplace({tokens.begin, tokens.end}, shares_.size());
        if (!is_first) {
            ++shares_[known->second].times;
            return;
        }
        shares_.push_back({tokens, rank, 1});
        for (Index n = tokens.begin; n < tokens.end; ++n)
            if (first_rank_[n] < 0) first_rank_[n] = rank;
    }

    /// The chunks that have tokens in a segment that queries lie in, in the order in which they come.
    std::vector<KeyChunk> visiting(const Pattern& p, const Share& queries) const {
        const Index begin = p.segment_of(queries.tokens.begin), end = p.segments(queries.tokens.end);
        std::vector<std::pair<Index, KeyChunk>> found; // with the step
        for (const KeyChunk& chunk : chunks_)
            if (p.segment_of(chunk.tokens.begin) < end && begin < p.segments(chunk.tokens.end))
                found.emplace_back(ingredients_.step_at(queries.rank, chunk.owner, problem_.ranks), chunk);
        std::ranges::stable_sort(found, {}, &std::pair<Index, KeyChunk>::first);
        std::vector<KeyChunk> chunks;
        for (const auto& [step, chunk] : found) chunks.push_back(chunk);
        return chunks;
    }

    /// The calls of one share with a chunk of keys, segment by segment.
    template <class Visit> void of(Index b, Index h, Index pattern, const Pattern& p, const Share& queries,
                                   const KeyChunk& keys, Visit visit) const {
        const Index first = p.segment_of(std::max(queries.tokens.begin, keys.tokens.begin)),
                    end = p.segments(std::min(queries.tokens.end, keys.tokens.end));
        for (Index s = first; s < end; ++s) {
            const Piece query_piece{p, s, queries.tokens, problem_.tokens},
                key_piece{p, s, keys.tokens, problem_.tokens};
            const PositionList selected = ingredients_.selected(query_piece);
            Call call{.problem = problem_,
                      .ingredients = ingredients_,
                      .inputs = inputs_,
                      .b = b,
                      .h = h,
                      .g = h / problem_.query_heads_per_kv_head(),
                      .pattern = pattern,
                      .rank = queries.rank,
                      .owner = keys.owner,
                      .chunk = {keys.number, count_},
                      .piece = key_piece,
                      .keys = ingredients_.attended(problem_, key_piece, ingredients_.selected(key_piece))};
            for (const Index position : selected) {
                const Index token = token_at_[position];
                if (token < 0 || first_rank_[position] != queries.rank) continue;
                call.queries.push_back(position);
                call.tokens.push_back(token);
            }
            call.pairs = static_cast<Index>(selected.size() * call.keys.size()) * queries.times;
            if (call.pairs > 0) visit(call);
        }
    }

    const Ingredients& ingredients_;
    const Problem& problem_;
    const Inputs& inputs_;
    std::vector<Index> token_at_;              ///< the token at every position, or -1
    std::vector<Index> first_rank_;            ///< the first rank that computes a position, whose result is kept, or -1
    std::vector<std::vector<Interval>> owned_; ///< what each rank owns
    std::vector<std::vector<Interval>> computed_; ///< what each rank computes, if anything
    std::vector<KeyChunk> chunks_;
    Index count_ = 0; ///< the number of chunks, those without tokens included
    std::vector<Share> shares_;
    std::map<std::pair<Index, Index>, std::size_t> share_of_; ///< the share of tokens [begin, end)
};

} // namespace dra::defects
