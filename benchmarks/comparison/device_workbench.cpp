#include "benchmarks/comparison/workbench.hpp"
#include "reference/definition/half_precision.hpp"

#include <fmt/format.h>

namespace dra::benchmarks {
namespace {

using published::Fix;
using published::LostSum;
using published::Rung;
using published::Rungs;
using published::Topic;
using published::Verification;

template <class Half> class DeviceWorkbench final : public Workbench {
public:
    DeviceWorkbench(cuda::RungDevice& device, DType type, const Inputs<float>& inputs)
        : device_(device), inputs_{rounded_to<Half>(inputs.q), rounded_to<Half>(inputs.k), rounded_to<Half>(inputs.v)},
          on_device_(device.upload(type, inputs_.q, inputs_.k, inputs_.v)) {}

    Problem problem(const Configuration& chosen) const override { return validate(chosen, info<float>(inputs_)); }

    Oracle truth(const Problem& problem) override {
        yardstick_ = rounding_oracle<Half>(problem, inputs_);
        return oracle<float>(problem, inputs_);
    }

    Subject isolated(Topic fix, Rung rung, const Problem& problem) override {
        if (!published::is_fix(fix)) return whole_call(fix, rung, problem);
        Rungs rungs(Rung::principled);
        rungs = rungs.with(fix, rung);
        Subject subject = empty_subject(published::name(rung), rungs, problem);
        if (fix == Fix::causal_mask && !problem.causal) subject.absent = "nothing to do: not causal, there is no mask";
        subject.tells_first_from_later = fix == Fix::caching && rung == Rung::after;
        if (!subject.absent.empty()) return subject;
        if (fix == Fix::causal_mask) return with_runnable(subject, device_.causal_masks(problem, rung), nullptr);
        if (fix == Fix::caching) return with_runnable(subject, device_.cache_requests(problem, rung), nullptr);
        const auto pipeline_with = [this, problem, rungs](LostSum lost_sum) {
            return device_.pipeline(problem, rungs, {.ring = false, .lost_sum = lost_sum}, *on_device_);
        };
        if (fix == Fix::double_computation && rung == Rung::after)
            subject.as_published = [this, pipeline_with, problem](const Oracle& oracle) {
                return share_of_bound(problem, oracle, *pipeline_with(LostSum::as_published));
            };
        return with_runnable(subject, pipeline_with(LostSum::restored), &problem);
    }

    Subject whole_call(Topic, Rung rung, const Problem&) override {
        Subject subject{};
        subject.name = published::name(rung);
        subject.absent = "not on this backend";
        return subject;
    }

    Subject pipeline(const PipelineKey& key, bool tells_first_from_later, const Problem& problem) override {
        Subject subject = empty_subject(key.name(), key.rungs, problem);
        subject.tells_first_from_later = tells_first_from_later;
        if (!subject.absent.empty()) return subject;
        return with_runnable(subject, device_.pipeline(problem, key.rungs, {}, *on_device_), &problem);
    }

private:
    /// A subject without calls; absent where a mask is filled by one launch per element, and those are too many.
    static Subject empty_subject(std::string name, const Rungs& rungs, const Problem& problem) {
        Subject subject{};
        subject.name = std::move(name);
        subject.bounded = problem.causal && rungs[Fix::causal_mask] == Rung::before;
        if (subject.bounded && problem.tokens > cuda::most_tokens_filled_by_launches)
            subject.absent = fmt::format("a launch an element of the mask is measured to n = {}",
                                         cuda::most_tokens_filled_by_launches);
        return subject;
    }

    /// The subject with the calls of `runnable`; `problem` is null for one that makes no attention.
    Subject with_runnable(Subject subject, std::shared_ptr<cuda::Runnable> runnable, const Problem* problem) {
        subject.run = [runnable] { runnable->run(); };
        subject.forget = [runnable] { runnable->forget(); };
        subject.counts = [runnable] { return runnable->counts(); };
        subject.device_counts = [runnable] { return runnable->device_counts(); };
        if (!device_.facts().emulated) subject.timed_run = [runnable] { return runnable->timed_run(); };
        if (problem)
            subject.verify = [this, runnable, problem = *problem](const Oracle& oracle) {
                const double share = share_of_bound(problem, oracle, *runnable);
                return Verification{share <= 1, share};
            };
        else
            subject.verify = [runnable](const Oracle&) { return Verification{runnable->exact()}; };
        return subject;
    }

    double share_of_bound(const Problem& problem, const Oracle& oracle, cuda::Runnable& runnable) const {
        return half_errors<Half>(problem, oracle, yardstick_, runnable.result()).worst();
    }

    cuda::RungDevice& device_;
    Inputs<float> inputs_;
    std::unique_ptr<cuda::DeviceInputs> on_device_;
    Tensor<double> yardstick_; ///< yardstick of the problem whose truth was asked for last
};

} // namespace

std::unique_ptr<Workbench> device_workbench(cuda::RungDevice& device, DType type, const Inputs<float>& inputs) {
    if (type == DType::f16) return std::make_unique<DeviceWorkbench<half>>(device, type, inputs);
    return std::make_unique<DeviceWorkbench<bfloat16>>(device, type, inputs);
}

} // namespace dra::benchmarks
