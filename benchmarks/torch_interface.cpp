/// \file
/// What torch_speed.py calls: the engine behind four C functions, float, one pattern for all heads.
///
/// Memory is the caller's: q, k, v, out, dout, dq, dk, dv [1, N, H, D], lse [1, H, N].

#include "reference/attention/dilated_attention.hpp"
#include "reference/attention/dilated_attention_gradient.hpp"
#include "reference/attention/workspace.hpp"

#include <omp.h>

namespace {

using namespace dra;

struct Speed {
    Plan plan;
    Workspace<float> workspace;
    GradientWorkspace<float> gradient_workspace;
    Lse<float> lse;
};

Problem problem_of(Index tokens, Index heads, Index head_dim, Index dilation, bool causal) {
    const TensorInfo info{DType::f32, {1, tokens, heads, head_dim}};
    return validate({.segment_lengths = {tokens}, .dilation_rates = {dilation}, .causal = causal},
                    {info, info, info, {}});
}

} // namespace

extern "C" {

/// Makes the plan and its workspaces; freed by speed_close.
void* speed_open(Index tokens, Index heads, Index head_dim, Index dilation, bool causal, int threads) {
    omp_set_num_threads(threads);
    Plan plan = make_plan(problem_of(tokens, heads, head_dim, dilation, causal));
    Workspace<float> workspace(plan);
    GradientWorkspace<float> gradient_workspace(plan);
    return new Speed{std::move(plan), std::move(workspace), std::move(gradient_workspace),
                     Lse<float>(1, heads, tokens)};
}

void speed_forward(Speed* speed, const float* q, const float* k, const float* v, float* out) {
    const Shape shape = speed->plan.problem.q_shape();
    dilated_attention<float>(speed->plan, {{q, shape}, {k, shape}, {v, shape}}, {{out, shape}, speed->lse},
                             speed->workspace);
}

/// By the lse of the last speed_forward.
void speed_backward(Speed* speed, const float* q, const float* k, const float* v, const float* out, const float* dout,
                    float* dq, float* dk, float* dv) {
    const Shape shape = speed->plan.problem.q_shape();
    dilated_attention_gradient<float>(speed->plan, {{q, shape}, {k, shape}, {v, shape}}, {{out, shape}, speed->lse},
                                      {dout, shape}, {{dq, shape}, {dk, shape}, {dv, shape}},
                                      speed->gradient_workspace);
}

void speed_close(Speed* speed) { delete speed; }
}
