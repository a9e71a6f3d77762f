#include "cuda/host/executor.hpp"
#include "cuda/host/target_facts.hpp"

namespace dra::cuda {
namespace DRA_TARGET {
namespace {

/// The target's device, opened.
class OpenDevice final : public Device {
public:
    OpenDevice() {
        int count = 0;
        const cudaError_t found = cudaGetDeviceCount(&count);
        cudaGetLastError(); // having no driver is an answer, not a failure to be found later
        if (found != cudaSuccess || count == 0)
            throw DeviceError("device", "(none)",
                              "there must be an NVIDIA GPU with its driver; the CUDA runtime says: " +
                                  std::string(found != cudaSuccess ? cudaGetErrorString(found) : "no device"));
        cudaDeviceProp properties{};
        DRA_CUDA_CHECK(cudaGetDeviceProperties(&properties, 0));
        facts_.name = properties.name;
        facts_.architecture = 10 * properties.major + properties.minor;
        facts_.multiprocessors = properties.multiProcessorCount;
        DRA_CUDA_CHECK(cudaDriverGetVersion(&facts_.driver));
        DRA_CUDA_CHECK(cudaRuntimeGetVersion(&facts_.runtime));
        facts_.emulated = is_emulated;
        if (properties.major != 8 && properties.major != 9)
            throw DeviceError("device", facts_.name,
                              "must have compute capability 8.x or 9.x, which the kernels are compiled for, not " +
                                  std::to_string(properties.major) + "." + std::to_string(properties.minor));
    }

    const DeviceFacts& facts() const override { return facts_; }

    std::unique_ptr<AttentionExecutor> make_executor(const Problem& problem, DType type,
                                                     const std::optional<std::string>& kernel) override {
        return std::make_unique<Executor>(problem, type, kernel, facts_.architecture);
    }

    std::unique_ptr<AttentionExecutor> make_executor_on(const DeviceTensors& tensors, const Problem& problem,
                                                        DType type, const std::optional<std::string>& kernel) override {
        return std::make_unique<Executor>(problem, type, kernel, facts_.architecture, &tensors);
    }

    std::vector<std::string> kernel_names() const override {
        std::vector<std::string> names;
        for (const AttentionKernel& kernel : ladder()) names.emplace_back(kernel.name);
        return names;
    }

    std::vector<std::pair<std::string, std::uint64_t>> counters() const override { return counted(); }

private:
    DeviceFacts facts_;
};

} // namespace
} // namespace DRA_TARGET

std::unique_ptr<Device> DRA_OPEN_DEVICE() { return std::make_unique<DRA_TARGET::OpenDevice>(); }

} // namespace dra::cuda
