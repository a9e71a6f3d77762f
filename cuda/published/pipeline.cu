#include "cuda/device/type.hpp"
#include "cuda/kernels/ladder.hpp"
#include "cuda/published/pipeline.hpp"

namespace dra::cuda::DRA_TARGET::rungs {
namespace {

using published::Fix;
using published::Rung;

/// (0, -inf) everywhere: the identity of merge.
__global__ void set_identity(float* out, float* lse, long long elements, long long rows) {
    const long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (i < elements) store(out + i, 0.f);
    if (i < rows) store(lse + i, -INFINITY);
}

fix_3::ByStatistics statistics(Rung rung, published::LostSum lost_sum) {
    switch (rung) {
    case Rung::before: return fix_3::before;
    case Rung::after: return lost_sum == published::LostSum::restored ? fix_3::after : fix_3::after_as_published;
    default: return fix_3::principled;
    }
}

Buffer<std::byte> uploaded(DType type, TensorView<const float> tensor, const Stream& stream) {
    const auto bytes = static_cast<std::size_t>(tensor.size() * bytes_of(type));
    std::vector<std::byte> stored(bytes);
    narrow(type, stored.data(), tensor.data(), tensor.size());
    Buffer<std::byte> buffer(stream, bytes);
    buffer.copy_from(stored.data(), stream);
    stream.synchronize();
    return buffer;
}

} // namespace

Inputs::Inputs(DType type_, TensorView<const float> q_, TensorView<const float> k_, TensorView<const float> v_)
    : type(type_), q(uploaded(type_, q_, stream)), k(uploaded(type_, k_, stream)), v(uploaded(type_, v_, stream)) {}

Pipeline::Pipeline(const Problem& problem, published::Rungs rungs, PipelineOptions options, const Inputs& inputs)
    : problem_(problem), rungs_(rungs), ring_(options.ring), inputs_(inputs), patterns_(patterns_of(problem)),
      statistics_(statistics(rungs[Fix::double_computation], options.lost_sum)),
      method_(fix_4::method(rungs[Fix::duplicate_methods], problem.ranks, problem.causal)) {
    if (!ring_) problem_.ranks = 1; // for the chunks, not for the choice of the method
    make_workspace();
    forget();
}

void Pipeline::make_workspace() {
    const Stream& stream = stream_.stream();
    const auto elements = static_cast<std::size_t>(problem_.q_shape().size());
    const std::size_t rows = elements / static_cast<std::size_t>(problem_.head_dim);
    const auto bytes = static_cast<std::size_t>(bytes_of(inputs_.type));
    const auto kv_bytes = static_cast<std::size_t>(problem_.kv_shape().size()) * bytes;
    for (const IntInterval& tokens : chunks_of(problem_)) {
        Chunk chunk{tokens, inputs_.k.data(), inputs_.v.data(), {}, {}};
        if (ring_) {
            const std::size_t share =
                kv_bytes / static_cast<std::size_t>(problem_.tokens) * static_cast<std::size_t>(tokens.size());
            chunk.own_k = {stream, share};
            chunk.own_v = {stream, share};
            chunk.k = chunk.own_k.data();
            chunk.v = chunk.own_v.data();
        }
        chunks_.push_back(std::move(chunk));
    }
    if (copies_rows()) {
        gathered_q_ = {stream, elements * bytes};
        gathered_k_ = {stream, kv_bytes};
        gathered_v_ = {stream, kv_bytes};
    }
    partial_out_ = {stream, elements};
    partial_lse_ = {stream, rows};
    sum_out_ = {stream, elements};
    sum_lse_ = {stream, rows};
    out_ = {stream, elements * bytes};
    stream_.synchronize();
}

void Pipeline::forget() {
    const fix_1::FillMask fill = rungs_[Fix::causal_mask] == Rung::before ? fix_1::before : fix_1::after;
    switch (rungs_[Fix::caching]) {
    case Rung::before: keeper_ = fix_5::before(problem_, stream_, fill); return;
    case Rung::after: keeper_ = fix_5::after(problem_, stream_, fill); return;
    default: keeper_ = fix_5::principled(problem_, stream_, fill);
    }
    queue(); // the plan is asked for everything once
    stream_.synchronize();
}

void Pipeline::note_what_is_kept(published::Counts& counts) const {
    counts.mask_bytes_kept = keeper_->mask_bytes_kept();
}

Attention<float> Pipeline::result() {
    const auto poison = [&](const auto& buffer) {
        DRA_CUDA_CHECK(cudaMemsetAsync(buffer.data(), 0xff, buffer.bytes(), stream_.get())); // NaN in every type
    };
    poison(sum_out_), poison(sum_lse_), poison(partial_out_), poison(partial_lse_), poison(out_);
    run();
    Attention<float> result{Tensor<float>(problem_.q_shape()),
                            Lse<float>(problem_.batch, problem_.heads, problem_.tokens)};
    std::vector<std::byte> stored(out_.size());
    out_.copy_to(stored.data(), stream_.stream());
    sum_lse_.copy_to(result.lse.data(), stream_.stream());
    stream_.synchronize();
    widen(inputs_.type, result.out.data(), stored.data(), result.out.size());
    return result;
}

void Pipeline::queue() {
    constexpr unsigned threads = 256;
    const auto elements = static_cast<long long>(sum_out_.size()), rows = static_cast<long long>(sum_lse_.size());
    for (Chunk& chunk : chunks_) gather_chunk(chunk);
    stream_.launch(set_identity, dim3(static_cast<unsigned>((elements + threads - 1) / threads)), dim3(threads), 0,
                   sum_out_.data(), sum_lse_.data(), elements, rows);
    if (rungs_[Fix::discarded_attention] == Rung::before) discard_three_attentions();
    for (const Chunk& chunk : chunks_)
        for (const NumberedPattern& pattern : patterns_) attend(chunk, pattern);
    DRA_CUDA_CHECK(cast_to(inputs_.type, out_.data(), sum_out_.data(), sum_out_.size(), stream_.get()));
    ++stream_.device_counts.launches;
}

/// Copies k and v of a chunk, from every batch, which is what the collective brings.
void Pipeline::gather_chunk(Chunk& chunk) {
    if (!ring_) return;
    const auto row = static_cast<std::size_t>(problem_.kv_heads * problem_.head_dim * bytes_of(inputs_.type));
    const auto N = static_cast<std::size_t>(problem_.tokens),
               size = static_cast<std::size_t>(chunk.tokens.size()) * row;
    for (std::size_t b = 0; b < static_cast<std::size_t>(problem_.batch); ++b) {
        const std::size_t from = (b * N + static_cast<std::size_t>(chunk.tokens.begin)) * row;
        for (const auto& [to, all] : {std::pair{&chunk.own_k, &inputs_.k}, {&chunk.own_v, &inputs_.v}})
            DRA_CUDA_CHECK(cudaMemcpyAsync(to->data() + b * size, all->data() + from, size, cudaMemcpyDeviceToDevice,
                                           stream_.get()));
    }
}

void Pipeline::discard_three_attentions() {
    const IntInterval all{0, static_cast<int>(problem_.tokens)};
    const int heads = static_cast<int>(problem_.heads), kv_heads = static_cast<int>(problem_.kv_heads);
    for (const fix_2::Source& x : {fix_2::Source{inputs_.q.data(), all, heads},
                                   {inputs_.k.data(), all, kv_heads},
                                   {inputs_.v.data(), all, kv_heads}})
        for (const NumberedPattern& pattern : patterns_) discard(pattern, x);
}

/// Computes attention of the rows of x with themselves, in every segment of a pattern, into memory that is overwritten
/// later.
void Pipeline::discard(const NumberedPattern& pattern, const fix_2::Source& x) {
    Parameters p = pattern.with_heads(keeper_->heads(pattern.number));
    fix_2::gather(stream_, p, x, keeper_->rows(p, x.tokens), x.tokens, gathered_q_.data());
    const int group = x.heads / p.kv_heads; // every head is its own KV head here
    p.heads = p.kv_heads = x.heads;
    p.first_kv_head *= group;
    p.kv_head_count *= group;
    if (p.phase_rule == PhaseRule::head_block) p.phase_block *= group;
    p.causal = 0;
    p.q = p.k = p.v = gathered_q_.data();
    p.out = partial_out_.data();
    p.lse = partial_lse_.data();
    fix_4::attend(stream_, inputs_.type, {.pattern = p, .queries = x.tokens, .chunk = x.tokens, .repeated = true}, 0,
                  Combine::store);
    keeper_->release();
}

/// Attends the keys of a chunk under a pattern, and merges the result into the sum.
void Pipeline::attend(const Chunk& chunk, const NumberedPattern& pattern) {
    AttendCall call{
        .pattern = pattern.parameters, .queries = {0, static_cast<int>(problem_.tokens)}, .chunk = chunk.tokens};
    if (has_mask()) call.mask = keeper_->mask(chunk.tokens);
    Parameters& p = call.pattern = pattern.with_heads(keeper_->heads(pattern.number));
    p.q = inputs_.q.data();
    p.k = chunk.k;
    p.v = chunk.v;
    p.out = partial_out_.data();
    p.lse = partial_lse_.data();
    if (!copies_rows()) {
        statistics_(stream_, inputs_.type, call, method_, {sum_out_.data(), sum_lse_.data()});
        keeper_->release();
        return;
    }
    call.repeated = true;
    call.queries = fix_2::covering(p, chunk.tokens);
    const IndexList q_rows = keeper_->rows(p, call.queries), k_rows = keeper_->rows(p, chunk.tokens);
    const IntInterval all{0, p.tokens};
    fix_2::gather(stream_, p, {inputs_.q.data(), all, p.heads}, q_rows, call.queries, gathered_q_.data());
    fix_2::gather(stream_, p, {chunk.k, chunk.tokens, p.kv_heads}, k_rows, chunk.tokens, gathered_k_.data());
    fix_2::gather(stream_, p, {chunk.v, chunk.tokens, p.kv_heads}, k_rows, chunk.tokens, gathered_v_.data());
    p.q = gathered_q_.data();
    p.k = gathered_k_.data();
    p.v = gathered_v_.data();
    statistics_(stream_, inputs_.type, call, method_, {});
    fix_2::scatter(stream_, call, q_rows, sum_out_.data(), sum_lse_.data());
    keeper_->release();
}

} // namespace dra::cuda::DRA_TARGET::rungs
