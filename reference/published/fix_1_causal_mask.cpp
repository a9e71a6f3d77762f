#include "reference/published/fix_1_causal_mask.hpp"

#include <algorithm>
#include <numeric>

namespace dra::published {

Index CausalMask::visible_pairs() const {
    return dense.cast<Index>().sum() + std::accumulate(extents.begin(), extents.end(), Index{0});
}

namespace fix_1 {

CausalMask before(Index n_q, Index n_kv, Index chunk_offset) {
    CausalMask mask{n_q, n_kv, chunk_offset, CausalMask::Dense(n_q, n_kv), {}};
    for (Index col = 0; col < n_kv; ++col)
        for (Index row = 0; row < n_q; ++row) {
            mask.dense(row, col) = true;
            if (row < col + chunk_offset) mask.dense(row, col) = false;
            asm volatile("" ::: "memory"); // one element after the other, as an interpreter does: no vectors
        }
    return mask;
}

CausalMask after(Index n_q, Index n_kv, Index chunk_offset) {
    CausalMask mask{n_q, n_kv, chunk_offset, CausalMask::Dense(n_q, n_kv), {}};
    const Eigen::ArrayXi rows = Eigen::ArrayXi::LinSpaced(n_q, 0, static_cast<int>(n_q - 1));
    for (Index col = 0; col < n_kv; ++col) mask.dense.col(col) = rows >= static_cast<int>(col + chunk_offset);
    return mask;
}

CausalMask principled(Index n_q, Index n_kv, Index chunk_offset) {
    CausalMask mask{n_q, n_kv, chunk_offset, {}, std::vector<Index>(static_cast<std::size_t>(n_q))};
    for (Index row = 0; row < n_q; ++row) mask.extents[row] = std::clamp<Index>(row - chunk_offset + 1, 0, n_kv);
    return mask;
}

} // namespace fix_1
} // namespace dra::published
