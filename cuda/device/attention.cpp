#include "cuda/device/attention.hpp"

namespace dra::cuda {

Attention<float> attention(Device& device, const Problem& problem, DType type, TensorView<const float> q,
                           TensorView<const float> k, TensorView<const float> v,
                           const std::optional<std::string>& kernel) {
    const std::unique_ptr<AttentionExecutor> executor = device.make_executor(problem, type, kernel);
    executor->upload(q, k, v);
    executor->run();
    return result_of(*executor, problem);
}

Attention<float> result_of(AttentionExecutor& executor, const Problem& problem) {
    Attention<float> result{Tensor<float>(problem.q_shape()), Lse<float>(problem.batch, problem.heads, problem.tokens)};
    executor.download(result.out, result.lse.data());
    return result;
}

} // namespace dra::cuda
