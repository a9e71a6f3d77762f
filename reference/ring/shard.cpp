#include "reference/ring/shard.hpp"

#include <algorithm>

namespace dra {
namespace {

/// Calls copy(local rows, global rows) for every (b, h) and interval of a shard.
template <class T, class Global, class Copy> void for_each_piece(Shard<T>& shard, Global global, Copy copy) {
    for (std::size_t i = 0; i < shard.intervals.size(); ++i) {
        const auto [begin, end] = shard.intervals[i];
        const Positions here{begin, 1, end - begin};
        if (here.empty()) continue;
        for (Index b = 0; b < global.shape().batch; ++b)
            for (Index h = 0; h < global.shape().heads; ++h)
                copy(shard.rows.view().rows(b, h, shard.local(i, here)), global.rows(b, h, here));
    }
}

/// Calls copy(local rows, global rows) for every (b, h) and interval of an lse.
template <class Local, class Global, class Copy>
void for_each_piece(Local& local, const std::vector<Interval>& intervals, Global& global, Copy copy) {
    const auto [batch, heads, tokens] = global.shape();
    for (std::size_t i = 0; i < intervals.size(); ++i) {
        const Positions here{intervals[i].begin, 1, intervals[i].size()};
        if (here.empty()) continue;
        for (Index b = 0; b < batch; ++b)
            for (Index h = 0; h < heads; ++h)
                copy(local.rows(b, h, dra::local(intervals, i, here)), global.rows(b, h, here));
    }
}

/// Ranks among which a zigzag goes: all, or as many as the longest segment spans. The last block may have fewer.
Index ranks_of_a_block(const Problem& problem) {
    if (problem.layout == Layout::zigzag) return problem.ranks;
    const Index longest = *std::ranges::max_element(problem.segment_lengths);
    return std::min(ceil_div(longest, ceil_div(problem.tokens, problem.ranks)), problem.ranks);
}

} // namespace

std::vector<Interval> owned(const Problem& problem, Index rank, Cut& cut) {
    const Interval all{0, problem.tokens};
    if (problem.layout == Layout::contiguous) return {cut(rank, problem.ranks, all)};

    const Index block_length = ranks_of_a_block(problem), first = rank / block_length * block_length;
    const Index ranks = std::min(block_length, problem.ranks - first), p = rank - first; // of this block
    const Interval tokens{chunk(first, problem.ranks, all).begin, chunk(first + ranks - 1, problem.ranks, all).end};
    return {cut(p, 2 * ranks, tokens), cut(2 * ranks - 1 - p, 2 * ranks, tokens)};
}

std::vector<Holding> holdings(const Problem& problem) {
    std::vector<Holding> all;
    for (Index rank = 0; rank < problem.ranks; ++rank)
        for (const Interval& tokens : owned(problem, rank))
            if (tokens.size() > 0) all.push_back({tokens, rank});
    std::ranges::sort(all, {}, [](const Holding& holding) { return holding.tokens.begin; });
    return all;
}

Index tokens_in(const std::vector<Interval>& intervals) {
    Index tokens = 0;
    for (const Interval& interval : intervals) tokens += interval.size();
    return tokens;
}

template <class T> std::vector<Shard<T>> scatter(const Problem& problem, TensorView<const T> tensor) {
    Shape shape = tensor.shape();
    std::vector<Shard<T>> shards;
    for (Index rank = 0; rank < problem.ranks; ++rank) {
        std::vector<Interval> intervals = owned(problem, rank);
        shape.tokens = tokens_in(intervals);
        shards.push_back({std::move(intervals), Tensor<T>(shape)});
        for_each_piece(shards.back(), tensor, [](auto local, const auto& global) { local = global; });
    }
    return shards;
}

template <class T> void gather(std::vector<Shard<T>>& shards, TensorView<T> tensor) {
    for (Shard<T>& shard : shards)
        for_each_piece(shard, tensor, [](const auto& local, auto global) { global = local; });
}

template <class T> Lse<T> scatter(const Lse<T>& global, const std::vector<Interval>& intervals) {
    const auto [batch, heads, tokens] = global.shape();
    Lse<T> local(batch, heads, tokens_in(intervals));
    for_each_piece(local, intervals, global, [](auto own, const auto& all) { own = all; });
    return local;
}

template <class T> void gather(const Lse<T>& local, const std::vector<Interval>& intervals, Lse<T>& global) {
    for_each_piece(local, intervals, global, [](const auto& own, auto all) { all = own; });
}

template std::vector<Shard<float>> scatter(const Problem&, TensorView<const float>);
template std::vector<Shard<double>> scatter(const Problem&, TensorView<const double>);
template void gather(std::vector<Shard<float>>&, TensorView<float>);
template void gather(std::vector<Shard<double>>&, TensorView<double>);
template Lse<float> scatter(const Lse<float>&, const std::vector<Interval>&);
template Lse<double> scatter(const Lse<double>&, const std::vector<Interval>&);
template void gather(const Lse<float>&, const std::vector<Interval>&, Lse<float>&);
template void gather(const Lse<double>&, const std::vector<Interval>&, Lse<double>&);

} // namespace dra
