#include "cuda/host/choice.hpp"
#include "cuda/host/plan.hpp"

#include <chrono>

namespace dra::cuda::DRA_TARGET {

Plan::Plan(const Problem& problem, Type type, const std::optional<std::string>& kernel, int architecture)
    : type_(type), q_shape_(problem.q_shape()), kv_shape_(problem.kv_shape()) {
    const Work work = work_of(problem);
    for (const PatternWork& pattern : work.patterns) {
        const bool merges = work.mixed && !passes_.empty();
        if (merges && !pattern.selects_any) continue; // the identity of merge
        const Step* step = nullptr;
        if (pattern.selects_any) step = &choose_step(kernel, type, pattern.parameters, architecture);
        if (step) kernels_.emplace_back(step->name);
        const bool clears = pattern.leaves_rows_between || !step;
        passes_.push_back({pattern.parameters, step, {}, {}, clears, merges});
        launches_ += (step != nullptr) + clears + merges;
    }
    mixed_ = work.mixed && passes_.size() > 1;
    launches_ += rounds_sum();
    allocate();
    for (Pass& pass : passes_) point(pass);
    if (!mixed_) lanes_.resize(passes_.size() - 1);
    wait();
}

void Plan::allocate() {
    const auto elements = static_cast<std::size_t>(q_shape_.size());
    const auto kv_elements = static_cast<std::size_t>(kv_shape_.size());
    const std::size_t rows = elements / static_cast<std::size_t>(q_shape_.head_dim);
    const auto bytes = static_cast<std::size_t>(bytes_of(type_));
    q_ = {stream_, elements * bytes};
    k_ = {stream_, kv_elements * bytes};
    v_ = {stream_, kv_elements * bytes};
    out_ = {stream_, elements * bytes};
    lse_ = {stream_, rows};
    if (rounds_sum()) sum_ = {stream_, elements};
    if (mixed_) {
        partial_out_ = {stream_, elements};
        partial_lse_ = {stream_, rows};
    }
}

/// Tells a pass where its tensors are.
void Plan::point(Pass& pass) {
    Parameters& p = pass.parameters;
    p.q = q_.data();
    p.k = k_.data();
    p.v = v_.data();
    p.out = out_.data();
    if (rounds_sum()) p.out = sum_.data();
    if (pass.merges) p.out = partial_out_.data();
    p.lse = pass.merges ? partial_lse_.data() : lse_.data();
    if (!pass.step) return;
    pass.maps = make_maps(*pass.step, type_, p);
    pass.workspace = {stream_, workspace_ints(*pass.step, p)};
    pass.workspace.clear(stream_);
}

void Plan::upload(TensorView<const float> q, TensorView<const float> k, TensorView<const float> v) {
    std::vector<std::byte> stored;
    const auto copy = [&](Buffer<std::byte>& to, TensorView<const float> from) {
        stored.resize(to.size());
        narrow(type_, stored.data(), from.data(), from.size());
        to.copy_from(stored.data(), stream_);
    };
    copy(q_, q);
    copy(k_, k);
    copy(v_, v);
}

void Plan::queue(const Pass& pass, const Stream& stream) {
    if (pass.clears) DRA_CUDA_CHECK(clear_rows(pass.parameters, type_, mixed_, stream.get()));
    if (pass.step)
        DRA_CUDA_CHECK(DRA_TARGET::run(*pass.step, {pass.parameters, type_, mixed_, &pass.maps, stream.get(), pass.workspace.data()}));
}

void Plan::run() { mixed_ ? run_mixture() : run_groups(); }

void Plan::run_mixture() {
    const Parameters& first = passes_.front().parameters;
    auto* sum = static_cast<float*>(first.out);
    for (const Pass& pass : passes_) {
        queue(pass, stream_);
        if (pass.merges)
            DRA_CUDA_CHECK(
                merge_partial(sum, lse_.data(), partial_out_.data(), partial_lse_.data(), first, stream_.get()));
    }
    if (rounds_sum()) DRA_CUDA_CHECK(cast_to(type_, out_.data(), sum, sum_.size(), stream_.get()));
}

/// Fork and join: every lane waits for what was queued before, and what is queued later waits for every lane.
void Plan::run_groups() {
    ready_.record(stream_.get());
    queue(passes_.front(), stream_);
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
        auto& [stream, done] = lanes_[i];
        stream.wait(ready_);
        queue(passes_[i + 1], stream);
        done.record(stream.get());
        stream_.wait(done);
    }
}

RunTime Plan::timed_run(int repetitions) {
    const auto start = std::chrono::steady_clock::now();
    begin_.record(stream_.get());
    for (int i = 0; i < repetitions; ++i) run();
    end_.record(stream_.get());
    const std::chrono::duration<double> queued = std::chrono::steady_clock::now() - start;
    end_.wait();
    return {seconds_between(begin_, end_) / repetitions, queued.count() / repetitions};
}

void Plan::download(TensorView<float> out, float* lse) {
    std::vector<std::byte> stored(out_.size());
    out_.copy_to(stored.data(), stream_);
    lse_.copy_to(lse, stream_);
    wait();
    widen(type_, out.data(), stored.data(), out.size());
}

Index Plan::device_bytes() const {
    const auto sum = [](const auto&... buffers) { return (buffers.bytes() + ...); };
    std::size_t workspaces = 0;
    for (const Pass& pass : passes_) workspaces += pass.workspace.bytes();
    return static_cast<Index>(sum(q_, k_, v_, out_, lse_, sum_, partial_out_, partial_lse_) + workspaces);
}

} // namespace dra::cuda::DRA_TARGET
