#pragma once
/// \file
/// An executor: buffers, chosen kernels, tensor maps and launches of one problem, made once; on tensors of its own or
/// the caller's.
///
/// Head groups share no head, so each pattern goes straight to its heads of the output, in a stream of its own beside
/// the others. The patterns of a mixture share every head: the first is stored in float, each other one is a partial
/// that is merged into it, and the sum is rounded to the type once, at the end. Rows that no pattern selects are
/// cleared without a key being touched. Where the kernel of every pattern is all_patterns, one launch does them all,
/// clearing included. Of a mixture the patterns are partials then, each in a buffer of its own, and a second launch
/// merges and rounds them: that of a pattern that selects every row, if there is one, which does so where it stores its
/// own rows. A step of a ring is made pattern by pattern, and its result stays in float: it is a partial itself.

#include "cuda/device/device.hpp"
#include "cuda/device/device_problem.hpp"
#include "cuda/host/buffer.hpp"
#include "cuda/kernels/ladder.hpp"

namespace dra::cuda::DRA_TARGET {

/// What is launched for one pattern, in this order.
struct Pass {
    Parameters parameters;
    const AttentionKernel* kernel; ///< null where the pattern selects nothing
    Maps maps;                     ///< the tensor maps that the kernel needs
    Buffer<int> workspace;         ///< the integers that the kernel needs
    bool clears;                   ///< rows between those that it selects become (0, -inf)
    bool merges;                   ///< it is a partial, merged into the sum
};

/// The executor of both targets.
class Executor final : public AttentionExecutor {
public:
    /// An executor on `tensors`, or without them on tensors of its own. Throws KernelError where the kernel cannot do a
    /// pattern, before anything is allocated.
    Executor(const Problem& problem, DType type, const std::optional<std::string>& name, int architecture,
             const DeviceTensors* tensors = nullptr);

    void upload(TensorView<const float> q, TensorView<const float> k, TensorView<const float> v) override;
    void run() override;
    void wait() override { stream_.synchronize(); }
    RunTime timed_run(int repetitions) override;
    void download(TensorView<float> out, float* lse) override;

    const std::vector<std::string>& kernels() const override { return kernels_; }
    Index launches() const override { return launches_; }
    Index device_bytes() const override;

private:
    /// A stream beside the executor's own, and the event that says its work is done.
    struct SideStream {
        Stream stream;
        Event done;
    };

    void allocate();
    void allocate_tensors();
    void point(Pass& pass);
    void queue(const Pass& pass, const Stream& stream);
    void run_mixture();
    void run_groups();
    void run_together();
    void put_merging_last();
    std::size_t passes_together() const { return passes_.size() - last_merges_; }
    bool merges_in_place() const { return mixed_ && !together_; }
    bool is_step() const { return tensors_.held.has_value(); }
    bool rounds_sum() const { return merges_in_place() && type_ != DType::f32 && !is_step(); }
    bool float_out() const { return mixed_ || is_step(); } // each pass writes a partial

    DType type_;
    bool mixed_ = false;       // several patterns select rows of the same heads
    bool together_ = false;    // all patterns are computed in one launch
    bool last_merges_ = false; // all but the last, into which they are merged
    Shape q_shape_, kv_shape_;
    Stream stream_; // the last member to go: buffers, those of passes too, are given back in it
    std::vector<Pass> passes_;
    std::vector<std::string> kernels_;
    Index launches_ = 0;

    Buffer<std::byte> q_, k_, v_, out_; // no memory where the tensors are the caller's, as is lse_
    Buffer<float> lse_;
    DeviceTensors tensors_;                   // where the tensors are
    Buffer<float> sum_;                       // the sum of a mixture in a type narrower than float
    Buffer<float> partial_out_, partial_lse_; // the partial of each pattern behind the first of a mixture, in turn
    std::vector<SideStream> side_streams_;    // one per head group behind the first
    std::vector<Buffer<float>> partials_;     // out and lse per merged pattern of a mixture that goes together
    Event ready_, begin_{true}, end_{true};
};

} // namespace dra::cuda::DRA_TARGET
