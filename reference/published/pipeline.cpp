#include "reference/published/pipeline.hpp"

#include "reference/published/fix_2_discarded_attention.hpp"
#include "reference/published/fix_4_duplicate_methods.hpp"

namespace dra::published {

namespace {

template <class T> auto statistics(Rung rung, LostSum lost_sum) {
    switch (rung) {
    case Rung::before: return fix_3::before<T>;
    case Rung::after: return lost_sum == LostSum::restored ? fix_3::after<T> : fix_3::after_as_published<T>;
    default: return fix_3::principled<T>;
    }
}

std::unique_ptr<Keeper> keeper(const Problem& problem, Rung caching, Rung mask) {
    const FillMask fill = mask == Rung::before ? fix_1::before : fix_1::after; // principled never asks
    switch (caching) {
    case Rung::before: return fix_5::before(problem, fill);
    case Rung::after: return fix_5::after(problem, fill);
    default: return fix_5::principled(problem, fill);
    }
}

} // namespace

template <class T> Pipeline<T>::Pipeline(const Problem& problem, Rungs rungs, LostSum lost_sum)
    : problem_(problem), rungs_(rungs), statistics_(statistics<T>(rungs[Fix::double_computation], lost_sum)),
      method_(fix_4::method<T>(rungs[Fix::duplicate_methods], problem.ranks, problem.causal)),
      keeper_(keeper(problem, rungs[Fix::caching], rungs[Fix::causal_mask])), workspace_(problem.head_dim) {}

template <class T> void Pipeline<T>::run(const InputsView<T>& inputs, const AttentionView<T>& into) {
    run_chunks(all_gather(inputs.k, inputs.v), inputs, into);
}

template <class T> Attention<T> Pipeline<T>::run(const InputsView<T>& inputs) {
    Attention<T> result{Tensor<T>(problem_.q_shape()), Lse<T>(problem_.batch, problem_.heads, problem_.tokens)};
    run(inputs, result);
    return result;
}

template <class T> void Pipeline<T>::run_without_ring(const InputsView<T>& inputs, const AttentionView<T>& into) {
    run_chunks({{{0, problem_.tokens}, inputs.k, inputs.v}}, inputs, into);
}

template <class T>
std::vector<typename Pipeline<T>::Chunk> Pipeline<T>::all_gather(TensorView<const T> k, TensorView<const T> v) {
    std::vector<Chunk> chunks;
    for (Index c = 0; c < problem_.ranks; ++c) {
        const Interval tokens = chunk(c, problem_.ranks, {0, problem_.tokens});
        if (tokens.size() == 0) break; // the rest are empty too
        const Shape shape{problem_.batch, tokens.size(), problem_.kv_heads, problem_.head_dim};
        if (static_cast<Index>(gathered_.size()) == c) gathered_.push_back({Tensor<T>(shape), Tensor<T>(shape)});
        auto& [chunk_k, chunk_v] = gathered_[c];
        const Index size = shape.size() / shape.batch;
        for (Index b = 0; b < problem_.batch; ++b) {
            const Index from = b * (k.size() / shape.batch) + tokens.begin * problem_.kv_heads * problem_.head_dim;
            chunk_k.flat().segment(b * size, size) = k.flat().segment(from, size);
            chunk_v.flat().segment(b * size, size) = v.flat().segment(from, size);
        }
        chunks.push_back({tokens, chunk_k, chunk_v});
    }
    return chunks;
}

template <class T> void Pipeline<T>::run_chunks(const std::vector<Chunk>& chunks, const InputsView<T>& inputs,
                                                const AttentionView<T>& into) {
    counts_ = {};
    workspace_.start();
    into.out.flat().setZero();
    into.lse.flat().setConstant(-std::numeric_limits<T>::infinity());
    if (rungs_[Fix::discarded_attention] == Rung::before)
        fix_2::three_discarded_attentions(problem_, inputs, workspace_, counts_);
    for (const Chunk& chunk : chunks) attend_chunk(chunk, inputs.q, into);
    keeper_->forget_current();
    counts_ += workspace_.total();
    counts_.mask_bytes_kept = keeper_->mask_bytes_kept();
}

template <class T>
void Pipeline<T>::attend_chunk(const Chunk& chunk, TensorView<const T> q, const AttentionView<T>& into) {
    const bool dense = problem_.causal && rungs_[Fix::causal_mask] != Rung::principled;
    for (Index pattern = 0; pattern < problem_.patterns(); ++pattern) {
        const CausalMask* mask =
            dense ? &keeper_->mask(problem_.tokens, chunk.tokens.size(), chunk.tokens.begin, counts_) : nullptr;
        const Interval heads = keeper_->heads(pattern, counts_);
        const Index w = problem_.segment_lengths[pattern];
        for (Index g = heads.begin; g < heads.end; ++g)
            for (Index s = chunk.tokens.begin / w; s * w < chunk.tokens.end; ++s)
                attend_segment(chunk, mask, pattern_of(problem_, pattern, g), g, s, q, into);
    }
}

template <class T> void Pipeline<T>::attend_segment(const Chunk& chunk, const CausalMask* mask, const Pattern& pattern,
                                                    Index kv_head, Index segment, TensorView<const T> q,
                                                    const AttentionView<T>& into) {
    const Rung rung = rungs_[Fix::discarded_attention];
    const Index begin = segment * pattern.segment_length,
                end = std::min(begin + pattern.segment_length, problem_.tokens);
    const Positions queries = pattern.selected(segment, problem_.tokens);
    const Positions keys = queries.within(chunk.tokens.begin, chunk.tokens.end);
    if (keys.empty()) return;
    const Index part =
        std::min(end, chunk.tokens.end) - std::max(begin, chunk.tokens.begin); // tokens of the segment in the chunk

    const Selection q_rows = fix_2::select(rung, queries, end - begin, counts_);
    const Selection k_rows = fix_2::select(rung, keys.relative_to(chunk.tokens.begin), part, counts_);
    const bool copied = rung != Rung::principled;
    const Masking masking{{queries, keys, problem_.causal}, q_rows.rows, k_rows.rows, copied, mask};

    for (Index b = 0; b < problem_.batch; ++b) {
        const auto k = fix_2::rows(rung, chunk.k, b, kv_head, k_rows, counts_);
        const auto v = fix_2::rows(rung, chunk.v, b, kv_head, k_rows, counts_);
        const auto& packed = workspace_.pack(k.rows, v.rows);
        for (Index h = kv_head * problem_.query_heads_per_kv_head();
             h < (kv_head + 1) * problem_.query_heads_per_kv_head(); ++h) {
            const auto rows = fix_2::rows(rung, q, b, h, q_rows, counts_);
            const AttendCall<T> call{rows.rows, packed, masking, static_cast<T>(problem_.softmax_scale), workspace_};
            if (copied) {
                RowMajor<T> chunk_out(masking.rows, problem_.head_dim);
                Eigen::ArrayX<T> chunk_lse(masking.rows);
                const Partial<T> partial = partial_of(chunk_out, chunk_lse);
                statistics_(call, method_, partial, Combine::store);
                fix_2::scatter(partial, q_rows, b, h, into);
            } else {
                statistics_(call, method_, {into.out.rows(b, h, queries), into.lse.rows(b, h, queries)},
                            Combine::merge);
            }
        }
    }
}

template class Pipeline<float>;
template class Pipeline<double>;

} // namespace dra::published
