#include "cuda/device/attention.hpp"

namespace dra::cuda {

Attention<float> attention(Device& device, const Problem& problem, DType type, TensorView<const float> q,
                           TensorView<const float> k, TensorView<const float> v,
                           const std::optional<std::string>& kernel) {
    const std::unique_ptr<AttentionExecutor> plan = device.make_executor(problem, type, kernel);
    plan->upload(q, k, v);
    plan->run();
    return result_of(*plan, problem);
}

Attention<float> result_of(AttentionExecutor& plan, const Problem& problem) {
    Attention<float> result{Tensor<float>(problem.q_shape()), Lse<float>(problem.batch, problem.heads, problem.tokens)};
    plan.download(result.out, result.lse.data());
    return result;
}

} // namespace dra::cuda
