// The ladder behind a C interface: what benchmark.py loads, to time our kernels beside PyTorch's in one process.

#include "cuda/kernels/ladder.hpp"

#include <cmath>
#include <string>

namespace dra::cuda::DRA_TARGET {
namespace {

/// A call that is ready to be queued.
struct Prepared {
    const Step* step;
    Launch launch;
    Maps maps;
};

std::string refusal;

} // namespace

extern "C" {

/// The name of the i-th step, or null behind the last.
const char* dra_kernel_name(int i) {
    return i < static_cast<int>(ladder().size()) ? ladder()[static_cast<std::size_t>(i)].name : nullptr;
}

/// Why the last dra_prepare() gave null.
const char* dra_refusal() { return refusal.c_str(); }

/// bf16 [B, N, H, D] and float [B, H, N] on the device; one pattern, phase 0, Hkv = H, scale 1 / sqrt(D). The handle
/// lives until the program ends. Null where the step refuses.
void* dra_prepare(const char* kernel, const void* q, const void* k, const void* v, void* out, float* lse, int batch,
                  int tokens, int heads, int head_dim, int segment_length, int dilation_rate, int causal) {
    const Parameters parameters{.q = q,
                                .k = k,
                                .v = v,
                                .out = out,
                                .lse = lse,
                                .batch = batch,
                                .tokens = tokens,
                                .heads = heads,
                                .kv_heads = heads,
                                .head_dim = head_dim,
                                .segment_length = segment_length,
                                .dilation_rate = dilation_rate,
                                .phase_of = PhaseOf::fixed,
                                .phase = 0,
                                .phase_block = 1,
                                .first_kv_head = 0,
                                .kv_head_count = heads,
                                .softmax_scale = 1 / std::sqrt(static_cast<float>(head_dim)),
                                .causal = causal};
    const Step* step = find_step(kernel);
    refusal = step ? why_not(*step, Type::bf16, parameters, 90) : "no kernel has this name";
    if (!refusal.empty()) return nullptr;
    auto* prepared = new Prepared{step, {parameters, Type::bf16, false, nullptr, nullptr}, {}};
    prepared->maps = make_maps(*step, Type::bf16, parameters);
    prepared->launch.maps = &prepared->maps;
    return prepared;
}

/// Queues the call, and what clears the rows that nothing selects. A CUDA error, or 0.
int dra_launch(void* handle, cudaStream_t stream) {
    Prepared& prepared = *static_cast<Prepared*>(handle);
    prepared.launch.stream = stream;
    const Parameters& parameters = prepared.launch.parameters;
    if (parameters.dilation_rate > 1)
        if (const cudaError_t error = clear_rows(parameters, Type::bf16, false, stream); error != cudaSuccess)
            return error;
    return run(*prepared.step, prepared.launch);
}

} // extern "C"
} // namespace dra::cuda::DRA_TARGET
