#include "cuda/published/alone.hpp"
#include "cuda/published/pipeline.hpp"

#include <string>

namespace dra::cuda {
namespace DRA_TARGET::rungs {
namespace {

constexpr Index largest_head_dim = 128, head_dim_multiple = 8; // of the kernel, and of 16 bytes

class OpenRungDevice final : public RungDevice {
public:
    explicit OpenRungDevice(std::unique_ptr<Device> device) : device_(std::move(device)) {}

    const DeviceFacts& facts() const override { return device_->facts(); }

    std::unique_ptr<DeviceInputs> upload(Type type, TensorView<const float> q, TensorView<const float> k,
                                         TensorView<const float> v) override {
        const Index D = q.shape().head_dim;
        if (type == Type::fp32) throw KernelError("dtype", "fp32", "must be bf16 or fp16, which tensor cores multiply");
        if (D > largest_head_dim || D % head_dim_multiple != 0)
            throw KernelError("D", std::to_string(D), "must be a multiple of 8, at most 128, for the rungs' kernel");
        return std::make_unique<Inputs>(type, q, k, v);
    }

    std::unique_ptr<Form> pipeline(const Problem& problem, published::Rungs of, Played played,
                                   const DeviceInputs& inputs) override {
        return std::make_unique<Pipeline>(problem, of, played, dynamic_cast<const Inputs&>(inputs));
    }
    std::unique_ptr<Form> causal_masks(const Problem& problem, published::Rung rung) override {
        return std::make_unique<CausalMasks>(problem, rung);
    }
    std::unique_ptr<Form> askings(const Problem& problem, published::Rung rung) override {
        return std::make_unique<Askings>(problem, rung);
    }

private:
    std::unique_ptr<Device> device_;
};

} // namespace
} // namespace DRA_TARGET::rungs

#ifdef __CUDACC__
std::unique_ptr<RungDevice> silicon_rungs() { return std::make_unique<silicon::rungs::OpenRungDevice>(silicon_device()); }
#else
std::unique_ptr<RungDevice> emulated_rungs() {
    return std::make_unique<emulated::rungs::OpenRungDevice>(emulated_device());
}
#endif

} // namespace dra::cuda
