#pragma once
/// \file
/// Small problems with their oracle, on the emulator, and the verdict on what a runnable made of them.

#include "cuda/published/rungs.hpp"
#include "cuda/simt/runtime.hpp"
#include "reference/definition/half_precision.hpp"
#include "tests/published/problems.hpp"

namespace dra::cuda::test {

using published::Fix;
using published::Rung;
using published::Rungs;
using Asked = published::test::Question;

inline constexpr auto groups = Mode::groups, mixture = Mode::mixture;
inline constexpr auto group = PhaseRule::group, head = PhaseRule::head, block = PhaseRule::head_block;

/// One device for all: opening it is not what is tested.
inline RungDevice& device() {
    static const std::unique_ptr<RungDevice> emulator = emulated_rungs();
    return *emulator;
}

/// A rest for the counters: while it lives, requests and sectors are not counted, which takes time.
class Uncounted {
public:
    Uncounted() { simt::config().count_requests = false; }
    ~Uncounted() { simt::config().count_requests = true; }
    Uncounted(const Uncounted&) = delete;
    Uncounted& operator=(const Uncounted&) = delete;
};

/// A problem on inputs rounded to a type, on the device, with the truth about them.
template <class Half = bfloat16> class Posed {
public:
    explicit Posed(const Asked& asked, std::uint64_t seed = 1)
        : posed_(published::test::pose<float>(asked, seed)), q_(rounded_to<Half>(posed_.q)),
          k_(rounded_to<Half>(posed_.k)), v_(rounded_to<Half>(posed_.v)),
          truth_(oracle<float>(problem(), {q_, k_, v_})), yardstick_(rounding_oracle<Half>(problem(), {q_, k_, v_})),
          inputs_(device().upload(type, q_, k_, v_)) {}

    static constexpr DType type = std::is_same_v<Half, bfloat16> ? DType::bf16 : DType::f16;

    const Problem& problem() const { return posed_.problem; }

    std::unique_ptr<Runnable> pipeline(Rungs rungs, PipelineOptions options = {}) const {
        return device().pipeline(problem(), rungs, options, *inputs_);
    }

    /// One fix on a rung, the others principled, over one chunk: fixes 2, 3 and 4 alone.
    std::unique_ptr<Runnable> alone(Fix fix, Rung rung,
                                    published::LostSum lost_sum = published::LostSum::restored) const {
        return pipeline(Rungs(Rung::principled).with(fix, rung), {.ring = false, .lost_sum = lost_sum});
    }

    /// The error of the result of a run into poison, as a share of its bound.
    double share(Runnable& runnable) const {
        return half_errors<Half>(problem(), truth_, yardstick_, runnable.result()).worst();
    }

private:
    published::test::PosedProblem<float> posed_;
    Tensor<float> q_, k_, v_;
    Oracle truth_;
    Tensor<double> yardstick_;
    std::unique_ptr<DeviceInputs> inputs_;
};

} // namespace dra::cuda::test
