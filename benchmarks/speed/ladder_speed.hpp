#pragma once
/// \file
/// How fast every kernel of the ladder is at the usual shapes, verified and then timed by the device's clock, interleaved;
/// and the table of the fastest, by which kernels are chosen.
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
    Index rows() const { return pattern().selected(0, tokens).count; } ///< that the longest segment selects
    double flops() const;                                              ///< 4 D (visible pairs)
};

/// H D = 2048; D = 64 and 128, causal and not: dense, 16,384 tokens in sequences of 2,048 to 16,384; and dilated, 512 to
/// 2,048 selected rows a segment of 2 x 16,384 tokens, r = 1, 2, 4, 8.
std::vector<LadderCase> usual_ladder_cases();

/// One kernel at one case.
struct KernelSpeed {
    std::string kernel;
    std::string left_out; ///< why it was not run; then there is no sample
    SampledErrors errors;
    Samples samples; ///< seconds of a run on the device
};

struct LadderSpeed {
    LadderCase of;
    std::vector<KernelSpeed> steps; ///< in reading order

    double tflops(const KernelSpeed& step) const; ///< at the median
    const KernelSpeed* fastest() const;           ///< of those that are right; null where there is none
};

/// The ladder of one device in one type, bf16 or fp16, case by case.
class LadderBench {
public:
    /// Draws random normals, enough for each of the cases, rounded to the type.
    LadderBench(cuda::Device& device, DType type, const std::vector<LadderCase>& cases);

    /// Every step: some rows verified, and timed where they are right. A step whose first run took 10 times as long as
    /// the quickest has that one sample; one that was first met at less than half of the fastest's rate is left out of
    /// later cases of that head size and causality.
    LadderSpeed speed(const LadderCase& of, const Effort& effort, const Progress& progress = {});

private:
    /// A step that was run, made ready to be timed.
    struct Run {
        KernelSpeed* step;
        std::unique_ptr<cuda::AttentionExecutor> plan;
    };

    TensorView<const float> input(std::size_t i, const LadderCase& of) const;
    std::string why_left_out(const std::string& kernel, const LadderCase& of) const;
    std::vector<Run> first_runs(LadderSpeed& found, const Progress& progress);

    cuda::Device& device_;
    DType type_;
    std::vector<Tensor<float>> inputs_;                            ///< q, k, v
    std::map<std::tuple<std::string, Index, bool>, double> share_; ///< of the fastest's rate, by kernel, D, causal
};

/// The fastest kernel of every case.
cuda::ChoiceTable choices(const cuda::DeviceFacts& facts, DType type, const std::vector<LadderSpeed>& found);

} // namespace dra::benchmarks
