#include "cli/device_run.hpp"
#include "cli/take_tensor.hpp"
#include "cuda/device/attention.hpp"
#include "cuda/device/range.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

namespace dra::cli {

DeviceRun::DeviceRun(std::string backend, DeviceFlags flags) : backend_(std::move(backend)), flags_(std::move(flags)) {
    if (flags_.dtype) type_ = cuda::parse_type("--dtype", *flags_.dtype);
    device_ = open_device(backend_);
}

TensorFile DeviceRun::operator()(const Problem& problem, TensorFile file, bool finite) const {
    const DType stored = file.at("q").dtype;
    if (stored == DType::f64)
        throw ShapeError("q.dtype", name(stored), "must be F32, BF16 or F16 with --backend " + backend_);
    if (file.contains("dout"))
        throw ShapeError("dout", "(given)",
                         "must not be in the file with --backend " + backend_ + ", which computes no gradients");
    const DType type = type_.value_or(cuda::natural_type(stored));
    const std::unique_ptr<cuda::AttentionExecutor> executor = device_->make_executor(problem, type, flags_.kernel);

    const Tensor<float> q = take_tensor<float>(file, "q"), k = take_tensor<float>(file, "k"),
                        v = take_tensor<float>(file, "v");
    if (finite) cuda::check_range(problem, type, q, k, v);
    executor->upload(q, k, v);
    executor->run();
    const Attention<float> result = result_of(*executor, problem);

    TensorFile written;
    written.tensors["out"] = to_file(result.out, type);
    written.tensors["lse"] = to_file(result.lse);
    const std::vector<std::string>& kernels = executor->kernels();
    written.metadata = {{"device", device_->facts().name},
                        {"dtype", cuda::type_name(type)},
                        {"kernel", fmt::format("{}", fmt::join(std::set(kernels.begin(), kernels.end()), ", "))}};
    return written;
}

} // namespace dra::cli
