#include "cuda/published/alone.hpp"
#include "cuda/published/pipeline.hpp"

#include <string>

namespace dra::cuda {
namespace DRA_TARGET::rungs {
namespace {

constexpr Index largest_head_dim = 128, head_dim_multiple = 8; // the kernel's largest, and the elements in 16 bytes
constexpr Index largest_grid = 65535;                          // the most blocks in a grid's second and third dimension

/// Throws KernelError where a call's grid of segments, batches and heads would not be one.
void check_grid(const Problem& problem) {
    const std::string rule = "must be at most " + std::to_string(largest_grid) + " for the rungs' kernel";
    if (const Index views = problem.batch * problem.heads; views > largest_grid)
        throw KernelError("B*H", std::to_string(views), rule);
    for (const Index w : problem.segment_lengths)
        if (const Index segments = ceil_div(problem.tokens, w); segments > largest_grid)
            throw KernelError("N/w", std::to_string(segments), rule);
}

/// The target's device, opened for rungs.
class OpenRungDevice final : public RungDevice {
public:
    explicit OpenRungDevice(std::unique_ptr<Device> device) : device_(std::move(device)) {}

    const DeviceFacts& facts() const override { return device_->facts(); }

    std::unique_ptr<DeviceInputs> upload(DType type, TensorView<const float> q, TensorView<const float> k,
                                         TensorView<const float> v) override {
        const Index D = q.shape().head_dim;
        check_type(type);
        if (type == DType::f32) throw KernelError("dtype", "fp32", "must be bf16 or fp16, which tensor cores multiply");
        if (D > largest_head_dim || D % head_dim_multiple != 0)
            throw KernelError("D", std::to_string(D), "must be a multiple of 8, at most 128, for the rungs' kernel");
        return std::make_unique<Inputs>(type, q, k, v);
    }

    std::unique_ptr<Runnable> pipeline(const Problem& problem, published::Rungs rungs, PipelineOptions options,
                                       const DeviceInputs& inputs) override {
        check_grid(problem);
        return std::make_unique<Pipeline>(problem, rungs, options, dynamic_cast<const Inputs&>(inputs));
    }
    std::unique_ptr<Runnable> causal_masks(const Problem& problem, published::Rung rung) override {
        return std::make_unique<CausalMasks>(problem, rung);
    }
    std::unique_ptr<Runnable> cache_requests(const Problem& problem, published::Rung rung) override {
        return std::make_unique<CacheRequests>(problem, rung);
    }

private:
    std::unique_ptr<Device> device_;
};

} // namespace
} // namespace DRA_TARGET::rungs

#ifdef __CUDACC__
std::unique_ptr<RungDevice> silicon_rungs() {
    return std::make_unique<silicon::rungs::OpenRungDevice>(silicon_device());
}
#else
std::unique_ptr<RungDevice> emulated_rungs() {
    return std::make_unique<emulated::rungs::OpenRungDevice>(emulated_device());
}
#endif

} // namespace dra::cuda
