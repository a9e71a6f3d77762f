#include "reference/published/opportunity_7_pattern_caching.hpp"

#include "reference/published/opportunity_6_memory_pool.hpp"

namespace dra::published::opportunity_7 {

std::vector<Index> list(const Positions& positions, Counts& counts) {
    std::vector<Index> indices(static_cast<std::size_t>(positions.count));
    for (Index t = 0; t < positions.count; ++t) indices[t] = positions[t];
    counts.index_elements += positions.count;
    return indices;
}

const std::vector<Index>& PatternCache::get(Index pattern, const View& view, Counts& counts) {
    const auto [found, is_new] = lists_.try_emplace({pattern, view.g, view.segment});
    if (is_new) {
        found->second = list(view.positions, counts);
        entries_ += view.positions.count;
    }
    return found->second;
}

namespace {

/// The rows of (b, h) that a list names.
template <class T>
void gather(TensorView<const T> x, Index b, Index h, const std::vector<Index>& list, MutableRows<T> into) {
    for (Index t = 0; t < into.rows(); ++t) into.row(t) = x.rows(b, h).row(list[t]);
}

} // namespace

template <class T> Call<T> call(Rung rung, const Problem& problem) {
    const auto workspace = std::make_shared<Workspace<T>>(problem.head_dim);
    const std::shared_ptr<Memory<T>> memory = opportunity_6::memory<T>(Rung::principled, problem);
    const auto cache = std::make_shared<PatternCache>();
    return [=](const Tensors<T>& tensors) {
        Counts lists;
        const auto copy = [&](TensorView<const T> x, Index b, Index h, Index pattern, const View& view,
                              MutableRows<T> into) {
            switch (rung) {
            case Rung::before: gather(x, b, h, list(view.positions, lists), into); break;
            case Rung::after: gather(x, b, h, cache->get(pattern, view, lists), into); break;
            default: into = x.rows(b, h, view.positions);
            }
        };
        Counts counts = attend_copies(problem, tensors, *workspace, *memory, copy);
        counts += lists;
        counts.bytes_kept = cache->bytes();
        return counts;
    };
}

template Call<float> call(Rung, const Problem&);
template Call<double> call(Rung, const Problem&);

} // namespace dra::published::opportunity_7
