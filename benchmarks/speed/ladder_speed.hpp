#pragma once
/// \file
/// How fast every kernel of the ladder is at the usual shapes, verified and then timed by the device's clock,
/// interleaved; and the table of the fastest, by which kernels are chosen.
///
/// Runs come back to back, so the figures are those of a device at its power limit. q, k, v and out together are larger
/// than its L2. Rows that a pattern does not select are cleared, which is part of a run.

#include "benchmarks/measuring/timing.hpp"
#include "benchmarks/speed/sampled_rows.hpp"
#include "cuda/device/choice_table.hpp"

#include <map>

namespace dra::benchmarks {

/// One pattern of `heads` heads, phase 0.
struct LadderCase {
    Index batch, tokens, heads, head_dim;
    bool causal;
    Index segment_length, dilation_rate;

    Pattern pattern() const { return {segment_length, dilation_rate, 0}; }
    Index rows() const { return pattern().selected(0, tokens).count; } ///< rows that the longest segment selects
    double flops() const;                                              ///< 4 D (visible pairs)
};

/// The usual cases, of H D = 2048, D = 64 and 128, causal and not: dense, 16,384 tokens in sequences of 2,048 to
/// 16,384; and dilated, 512 to 2,048 selected rows per segment of 2 x 16,384 tokens, r = 1, 2, 4, 8.
std::vector<LadderCase> usual_ladder_cases();

/// One kernel at one case.
struct KernelSpeed {
    std::string name;     ///< the kernel's name
    std::string left_out; ///< why it was not run; then there is no sample
    SampledErrors errors; ///< errors of its first run
    Samples samples;      ///< seconds per run on the device
};

/// All kernels at one case.
struct LadderSpeed {
    LadderCase shape;                 ///< the case
    std::vector<KernelSpeed> kernels; ///< one per kernel, in reading order

    double tflops(const KernelSpeed& kernel) const; ///< TFLOP/s at the median
    const KernelSpeed* fastest() const;             ///< the fastest kernel that is right; null where there is none
};

/// The ladder of one device in one type, bf16 or fp16, case by case.
class LadderBench {
public:
    /// Draws random normals, enough for each of the cases, rounded to the type.
    LadderBench(cuda::Device& device, DType type, const std::vector<LadderCase>& cases);

    /// Verifies some rows of every kernel, and times it where they are right. A kernel whose first run took 10 times as
    /// long as the quickest has that one sample; one that was first met at less than half of the fastest's rate is left
    /// out of later cases of that head size and causality.
    LadderSpeed speed(const LadderCase& shape, const Effort& effort, const Progress& progress = {});

private:
    /// A kernel that was run, ready to be timed.
    struct Run {
        KernelSpeed* kernel;
        std::unique_ptr<cuda::AttentionExecutor> executor;
    };

    TensorView<const float> input(std::size_t i, const LadderCase& shape) const;
    std::string why_left_out(const std::string& kernel, const LadderCase& shape) const;
    std::vector<Run> first_runs(LadderSpeed& found, const Progress& progress);

    cuda::Device& device_;
    DType type_;
    std::vector<Tensor<float>> inputs_; ///< q, k, v
    std::map<std::tuple<std::string, Index, bool>, double>
        share_; ///< share of the fastest's rate, by kernel, D, causal
};

/// The fastest kernel of every case.
cuda::ChoiceTable choices(const cuda::DeviceFacts& facts, DType type, const std::vector<LadderSpeed>& found);

} // namespace dra::benchmarks
