#include "reference/ring/shard.hpp"

namespace dra {
namespace {

/// Calls copy(local rows, global rows) for every (b, h) and interval of a shard.
template <class T, class Global, class Copy> void for_each_piece(Shard<T>& shard, Global global, Copy copy) {
    for (std::size_t i = 0; i < shard.intervals.size(); ++i) {
        const auto [begin, end] = shard.intervals[i];
        const Positions here{begin, 1, end - begin};
        for (Index b = 0; b < global.shape().batch; ++b)
            for (Index h = 0; h < global.shape().heads; ++h)
                copy(shard.rows.view().rows(b, h, shard.local(i, here)), global.rows(b, h, here));
    }
}

/// Calls copy(local rows, global rows) for every (b, h) and interval of a number a row.
template <class Local, class Global, class Copy>
void for_each_piece(Local& local, const std::vector<Interval>& intervals, Global& global, Copy copy) {
    const auto [batch, heads, tokens] = global.shape();
    for (std::size_t i = 0; i < intervals.size(); ++i) {
        const Positions here{intervals[i].begin, 1, intervals[i].size()};
        for (Index b = 0; b < batch; ++b)
            for (Index h = 0; h < heads; ++h)
                copy(local.rows(b, h, dra::local(intervals, i, here)), global.rows(b, h, here));
    }
}

} // namespace

std::vector<Interval> owned(Layout layout, Index rank, Index ranks, Index tokens) {
    if (layout == Layout::contiguous) return {chunk(rank, ranks, tokens)};
    return {chunk(rank, 2 * ranks, tokens), chunk(2 * ranks - 1 - rank, 2 * ranks, tokens)};
}

Index tokens_in(const std::vector<Interval>& intervals) {
    Index tokens = 0;
    for (const Interval& interval : intervals) tokens += interval.size();
    return tokens;
}

template <class T> std::vector<Shard<T>> scatter(TensorView<const T> tensor, Layout layout, Index ranks) {
    Shape shape = tensor.shape();
    std::vector<Shard<T>> shards;
    for (Index rank = 0; rank < ranks; ++rank) {
        std::vector<Interval> intervals = owned(layout, rank, ranks, tensor.shape().tokens);
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

template std::vector<Shard<float>> scatter(TensorView<const float>, Layout, Index);
template std::vector<Shard<double>> scatter(TensorView<const double>, Layout, Index);
template void gather(std::vector<Shard<float>>&, TensorView<float>);
template void gather(std::vector<Shard<double>>&, TensorView<double>);
template Lse<float> scatter(const Lse<float>&, const std::vector<Interval>&);
template Lse<double> scatter(const Lse<double>&, const std::vector<Interval>&);
template void gather(const Lse<float>&, const std::vector<Interval>&, Lse<float>&);
template void gather(const Lse<double>&, const std::vector<Interval>&, Lse<double>&);

} // namespace dra
