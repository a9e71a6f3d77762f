#include "cuda/host/choice.hpp"
#include "cuda/host/executor.hpp"

#include <algorithm>
#include <chrono>
#include <span>

namespace dra::cuda::DRA_TARGET {

namespace {

/// Whether one launch can do all patterns, and there are several: then no faster kernel for one of them makes up for
/// that.
bool can_go_together(const DeviceProblem& problem, DType type, int architecture) {
    const auto can = [&](const DevicePattern& pattern) {
        return why_not(joint_kernel(), type, pattern.parameters, architecture).empty();
    };
    const std::size_t patterns = problem.patterns.size();
    return patterns > 1 && goes_together(joint_kernel(), patterns) && std::ranges::all_of(problem.patterns, can);
}

/// The kernel for a pattern. A refusal of its segments names those that were asked for, where the sequence shortens
/// them.
const AttentionKernel& kernel_for(const Problem& problem, const DevicePattern& pattern,
                                  const std::optional<std::string>& name, DType type, int architecture) {
    try {
        return choose_kernel(name, type, pattern.parameters, architecture);
    } catch (const KernelError& error) {
        const auto i = static_cast<std::size_t>(pattern.pattern);
        const Index w = problem.segment_lengths[i], r = problem.dilation_rates[i];
        const AttentionKernel* kernel = name ? find_kernel(*name) : nullptr;
        if (!kernel || w <= problem.tokens || error.what() != why_not_segments(*kernel, pattern.parameters)) throw;
        throw KernelError(std::string(error.what()) + ": segments of " + std::to_string(w) +
                          " with a dilation rate of " + std::to_string(r) + " were asked for, and the sequence has " +
                          std::to_string(problem.tokens) + " tokens");
    }
}

void check_held(const char* field, const Interval& held, Index tokens) {
    if (held.begin < 0 || held.size() < 1 || held.end > tokens)
        throw ShapeError(field, "[" + std::to_string(held.begin) + ", " + std::to_string(held.end) + ")",
                         "must be tokens of the sequence, which has " + std::to_string(tokens));
}

/// Tells a pattern where its tensors are, and what they hold.
void place(Parameters& parameters, const DeviceTensors& tensors) {
    parameters.q = tensors.q;
    parameters.k = tensors.k;
    parameters.v = tensors.v;
    parameters.out = tensors.out;
    parameters.lse = tensors.lse;
    if (tensors.held) hold(parameters, *tensors.held);
}

} // namespace

Executor::Executor(const Problem& problem, DType type, const std::optional<std::string>& name, int architecture,
                   const DeviceTensors* tensors)
    : type_(type), q_shape_(problem.q_shape()), kv_shape_(problem.kv_shape()),
      tensors_(tensors ? *tensors : DeviceTensors{}) {
    check_type(type);
    if (is_step()) {
        check_held("queries", tensors_.held->queries, problem.tokens);
        check_held("keys", tensors_.held->keys, problem.tokens);
        q_shape_.tokens = tensors_.held->queries.size();
        kv_shape_.tokens = tensors_.held->keys.size();
    }
    DeviceProblem on_device = device_problem(problem);
    for (DevicePattern& pattern : on_device.patterns)
        place(pattern.parameters, tensors_); // null where they are not there yet
    const std::optional<std::string> asked =
        !name && !is_step() && can_go_together(on_device, type, architecture) ? joint_kernel().name : name;
    for (const DevicePattern& pattern : on_device.patterns) {
        const bool merges = on_device.mixed && !passes_.empty();
        if (merges && !pattern.selects_any) continue; // the identity of merge
        const AttentionKernel* kernel = nullptr;
        if (pattern.selects_any) kernel = &kernel_for(problem, pattern, asked, type, architecture);
        if (kernel) kernels_.emplace_back(kernel->name);
        const bool clears = pattern.leaves_rows_between || pattern.parameters.two_views() || !kernel;
        passes_.push_back({pattern.parameters, kernel, {}, {}, clears, merges});
        launches_ += (kernel != nullptr) + clears + merges;
    }
    mixed_ = on_device.mixed && passes_.size() > 1;
    together_ = !is_step() && std::ranges::all_of(passes_, [&](const Pass& pass) {
        return pass.kernel && goes_together(*pass.kernel, passes_.size());
    });
    launches_ = together_ ? 1 + mixed_ : launches_ + rounds_sum();
    if (mixed_ && together_) put_merging_last();
    if (!tensors) allocate_tensors();
    allocate();
    for (Pass& pass : passes_) point(pass);
    if (!mixed_ && !together_) side_streams_.resize(passes_.size() - 1);
    wait();
}

/// Puts the first pass that selects every row last, if there is one.
void Executor::put_merging_last() {
    const auto merging = std::ranges::find_if(passes_, [](const Pass& pass) { return can_merge(pass.parameters); });
    last_merges_ = merging != passes_.end();
    if (last_merges_) std::rotate(merging, merging + 1, passes_.end());
}

void Executor::allocate_tensors() {
    const auto bytes = [&](const Shape& shape) { return static_cast<std::size_t>(shape.size() * bytes_of(type_)); };
    q_ = {stream_, bytes(q_shape_)};
    k_ = {stream_, bytes(kv_shape_)};
    v_ = {stream_, bytes(kv_shape_)};
    out_ = {stream_, bytes(q_shape_)};
    lse_ = {stream_, static_cast<std::size_t>(q_shape_.size() / q_shape_.head_dim)};
    tensors_ = {q_.data(), k_.data(), v_.data(), out_.data(), lse_.data()};
}

/// Allocates what lies between the tensors: sums and partials of a mixture.
void Executor::allocate() {
    const auto elements = static_cast<std::size_t>(q_shape_.size());
    const std::size_t rows = elements / static_cast<std::size_t>(q_shape_.head_dim);
    if (rounds_sum()) sum_ = {stream_, elements};
    for (std::size_t i = 0; mixed_ && together_ && i < passes_together(); ++i) {
        partials_.emplace_back(stream_, partial_floats(passes_[i].parameters));
        partials_.emplace_back(stream_, rows);
    }
    if (merges_in_place()) {
        partial_out_ = {stream_, elements};
        partial_lse_ = {stream_, rows};
    }
}

/// Tells a pass where its tensors are.
void Executor::point(Pass& pass) {
    Parameters& p = pass.parameters;
    place(p, tensors_);
    if (rounds_sum()) p.out = sum_.data();
    if (pass.merges && !together_) {
        p.out = partial_out_.data();
        p.lse = partial_lse_.data();
    }
    const auto i = static_cast<std::size_t>(&pass - passes_.data());
    if (2 * i < partials_.size()) {
        p.out = partials_[2 * i].data();
        p.lse = partials_[2 * i + 1].data();
    }
    if (!pass.kernel) return;
    pass.maps = make_maps(*pass.kernel, type_, p);
    std::size_t ints = workspace_ints(*pass.kernel, p);
    if (together_ && i < passes_together()) { // the first pass's workspace is everybody's
        if (i > 0) return;
        ints = 0;
        for (const Pass& other : std::span(passes_).first(passes_together()))
            ints += workspace_ints(*other.kernel, other.parameters);
    }
    pass.workspace = {stream_, ints};
    pass.workspace.clear(stream_);
}

void Executor::upload(TensorView<const float> q, TensorView<const float> k, TensorView<const float> v) {
    if (q_.size() == 0)
        throw KernelError("upload", "(the caller's tensors)", "must be of an executor with tensors of its own");
    std::vector<std::byte> stored;
    const auto copy = [&](Buffer<std::byte>& to, TensorView<const float> from) {
        stored.resize(to.size());
        narrow(type_, stored.data(), from.flat().data(), from.size());
        to.copy_from(stored.data(), stream_);
    };
    copy(q_, q);
    copy(k_, k);
    copy(v_, v);
}

void Executor::queue(const Pass& pass, const Stream& stream) {
    if (pass.clears) DRA_CUDA_CHECK(clear_rows(pass.parameters, type_, float_out(), stream.get()));
    if (pass.kernel)
        DRA_CUDA_CHECK(DRA_TARGET::run(
            *pass.kernel, {pass.parameters, type_, float_out(), &pass.maps, stream.get(), pass.workspace.data()}));
}

void Executor::run() {
    if (together_)
        run_together();
    else if (mixed_)
        run_mixture();
    else
        run_groups();
}

void Executor::run_together() {
    std::vector<Launch> launches;
    bool clears = false;
    for (const Pass& pass : std::span(passes_).first(passes_together())) {
        launches.push_back(
            {pass.parameters, type_, mixed_, &pass.maps, stream_.get(), passes_.front().workspace.data()});
        clears = clears || pass.clears;
    }
    DRA_CUDA_CHECK(mixed_ ? run_partials(launches) : DRA_TARGET::run_together(launches, clears));
    if (last_merges_) {
        const Pass& last = passes_.back();
        DRA_CUDA_CHECK(
            run_merging({last.parameters, type_, false, &last.maps, stream_.get(), last.workspace.data()}, launches));
    } else if (mixed_) {
        DRA_CUDA_CHECK(merge_patterns(launches, tensors_.out, tensors_.lse));
    }
}

void Executor::run_mixture() {
    const Parameters& first = passes_.front().parameters;
    auto* sum = static_cast<float*>(first.out);
    for (const Pass& pass : passes_) {
        queue(pass, stream_);
        if (pass.merges)
            DRA_CUDA_CHECK(
                merge_partial(sum, tensors_.lse, partial_out_.data(), partial_lse_.data(), first, stream_.get()));
    }
    if (rounds_sum()) DRA_CUDA_CHECK(cast_to(type_, tensors_.out, sum, sum_.size(), stream_.get()));
}

/// Fork and join: every side stream waits for what was queued before, and what is queued later waits for every side
/// stream.
void Executor::run_groups() {
    ready_.record(stream_.get());
    queue(passes_.front(), stream_);
    for (std::size_t i = 0; i < side_streams_.size(); ++i) {
        auto& [stream, done] = side_streams_[i];
        stream.wait(ready_);
        queue(passes_[i + 1], stream);
        done.record(stream.get());
        stream_.wait(done);
    }
}

RunTime Executor::timed_run(int repetitions) {
    const auto start = std::chrono::steady_clock::now();
    begin_.record(stream_.get());
    for (int i = 0; i < repetitions; ++i) run();
    end_.record(stream_.get());
    const std::chrono::duration<double> queued = std::chrono::steady_clock::now() - start;
    end_.wait();
    return {seconds_between(begin_, end_) / repetitions, queued.count() / repetitions};
}

void Executor::download(TensorView<float> out, float* lse) {
    const Index rows = out.size() / out.shape().head_dim;
    const DType type = is_step() ? DType::f32 : type_;
    std::vector<std::byte> stored(static_cast<std::size_t>(out.size() * bytes_of(type)));
    copy_to_host(stored.data(), tensors_.out, stored.size(), stream_);
    copy_to_host(lse, tensors_.lse, static_cast<std::size_t>(rows) * sizeof(float), stream_);
    wait();
    widen(type, out.data(), stored.data(), out.size());
}

Index Executor::device_bytes() const {
    const auto sum = [](const auto&... buffers) { return (buffers.bytes() + ...); };
    std::size_t workspaces = 0;
    for (const Pass& pass : passes_) workspaces += pass.workspace.bytes();
    for (const auto& partial : partials_) workspaces += partial.bytes();
    return static_cast<Index>(sum(q_, k_, v_, out_, lse_, sum_, partial_out_, partial_lse_) + workspaces);
}

} // namespace dra::cuda::DRA_TARGET
