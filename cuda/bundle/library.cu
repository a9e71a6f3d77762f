// The ladder behind a C interface: what benchmark.py loads, to time our kernels beside PyTorch's in one process.

#include "cuda/kernels/ladder.hpp"

#include <cmath>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dra::cuda::DRA_TARGET {
namespace {

/// A call that is ready to be queued: its launches, in order, and what they need.
struct Prepared {
    std::vector<std::function<cudaError_t(cudaStream_t)>> launches;
    std::vector<float*> partials; ///< on the device
    std::vector<int*> workspaces; ///< on the device, of the kernels

    ~Prepared() {
        for (float* partial : partials) cudaFree(partial);
        for (int* workspace : workspaces) cudaFree(workspace);
    }

    int* add_workspace(std::size_t ints) {
        void* memory = nullptr;
        if (ints == 0 || cudaMalloc(&memory, ints * sizeof(int)) != cudaSuccess) return nullptr;
        cudaMemset(memory, 0, ints * sizeof(int));
        return workspaces.emplace_back(static_cast<int*>(memory));
    }

    float* add_partial(std::size_t count) {
        void* memory = nullptr;
        if (cudaMalloc(&memory, count * sizeof(float)) != cudaSuccess) return nullptr;
        return partials.emplace_back(static_cast<float*>(memory));
    }
};

std::string refusal;

/// A kernel on one pattern, and where asked the clearing of the rows that it does not select. False where the kernel
/// refuses.
bool add_pattern(Prepared& prepared, const AttentionKernel& kernel, const Parameters& parameters, bool float_out,
                 bool clears) {
    refusal = why_not(kernel, DType::bf16, parameters, 90);
    if (!refusal.empty()) return false;
    if (clears)
        prepared.launches.emplace_back(
            [=](cudaStream_t stream) { return clear_rows(parameters, DType::bf16, float_out, stream); });
    const auto maps = std::make_shared<Maps>(make_maps(kernel, DType::bf16, parameters));
    int* const workspace = prepared.add_workspace(workspace_ints(kernel, parameters));
    prepared.launches.emplace_back([=, &kernel](cudaStream_t stream) {
        return run(kernel, {parameters, DType::bf16, float_out, maps.get(), stream, workspace});
    });
    return true;
}

/// All patterns in one launch, and for a mixture the merge of what they left: by the launch of a pattern that selects
/// every row, if there is one.
bool add_together(Prepared& prepared, const AttentionKernel& kernel, const std::vector<Parameters>& patterns,
                  bool clears) {
    const Parameters& asked = patterns.front();
    const bool mixed = patterns.size() > 1;
    const std::size_t rows = static_cast<std::size_t>(asked.batch) * asked.tokens * asked.heads;
    auto launches = std::make_shared<std::vector<Launch>>();
    auto maps = std::make_shared<std::vector<Maps>>(patterns.size());
    std::size_t ints = 0;
    std::optional<Launch> last; // into which the others are merged
    for (std::size_t i = 0; i < patterns.size(); ++i) {
        Parameters into = patterns[i];
        refusal = why_not(kernel, DType::bf16, into, 90);
        if (!refusal.empty()) return false;
        const bool merges = mixed && !last && can_merge(into);
        if (mixed && !merges) {
            into.out = prepared.add_partial(partial_floats(asked));
            into.lse = prepared.add_partial(rows);
            if (!into.out || !into.lse) {
                refusal = "the device's memory is exhausted";
                return false;
            }
        }
        (*maps)[i] = make_maps(kernel, DType::bf16, into);
        if (merges) {
            int* const workspace = prepared.add_workspace(workspace_ints(kernel, into));
            last = Launch{into, DType::bf16, false, &(*maps)[i], nullptr, workspace};
            continue;
        }
        ints += workspace_ints(kernel, into);
        launches->push_back({into, DType::bf16, mixed, &(*maps)[i], nullptr});
    }
    int* const workspace = prepared.add_workspace(ints);
    prepared.launches.emplace_back([=](cudaStream_t stream) {
        for (Launch& launched : *launches) {
            launched.stream = stream;
            launched.workspace = workspace;
        }
        (void)maps;
        return mixed ? run_partials(*launches) : run_together(*launches, clears);
    });
    if (last)
        prepared.launches.emplace_back([=](cudaStream_t stream) {
            Launch merging = *last;
            merging.stream = stream;
            return run_merging(merging, *launches);
        });
    else if (mixed)
        prepared.launches.emplace_back([=](cudaStream_t) { return merge_patterns(*launches, asked.out, asked.lse); });
    return true;
}

/// Every pattern a partial in float, merged into the first, and rounded into out.
bool add_mixture(Prepared& prepared, const AttentionKernel& kernel, const std::vector<Parameters>& patterns) {
    const Parameters& asked = patterns.front();
    const std::size_t rows = static_cast<std::size_t>(asked.batch) * asked.tokens * asked.heads;
    const std::size_t elements = rows * static_cast<std::size_t>(asked.head_dim);
    float *total = prepared.add_partial(elements), *partial = prepared.add_partial(elements),
          *partial_lse = prepared.add_partial(rows);
    if (!total || !partial || !partial_lse) {
        refusal = "the device's memory is exhausted";
        return false;
    }
    for (const Parameters& pattern : patterns) {
        const bool first = &pattern == &patterns.front();
        Parameters into = pattern;
        into.out = first ? total : partial;
        into.lse = first ? asked.lse : partial_lse;
        if (!add_pattern(prepared, kernel, into, true, true)) return false;
        if (!first)
            prepared.launches.emplace_back([=](cudaStream_t stream) {
                return merge_partial(total, asked.lse, partial, partial_lse, asked, stream);
            });
    }
    prepared.launches.emplace_back(
        [=](cudaStream_t stream) { return cast_to(DType::bf16, asked.out, total, elements, stream); });
    return true;
}

} // namespace

extern "C" {

/// The name of the i-th kernel, or null behind the last.
const char* dra_kernel_name(int i) {
    return i < static_cast<int>(ladder().size()) ? ladder()[static_cast<std::size_t>(i)].name : nullptr;
}

/// Why the last dra_prepare() gave null.
const char* dra_refusal() { return refusal.c_str(); }

/// bf16 [B, N, H, D] and float [B, H, N] on the device, Hkv = H, scale 1 / sqrt(D). One pattern with phase 0, or a
/// mixture of several with phase h mod r. Rows that one pattern does not select become (0, -inf) where `clears`, and
/// stay as they are where not. Null where the kernel refuses; else dra_release() gives it back.
void* dra_prepare(const char* kernel_name, const void* q, const void* k, const void* v, void* out, float* lse,
                  int batch, int tokens, int heads, int head_dim, int causal, int clears, int patterns,
                  const int* segment_lengths, const int* dilation_rates) {
    const AttentionKernel* kernel = find_kernel(kernel_name);
    refusal = kernel ? "" : "no kernel has this name";
    if (!kernel) return nullptr;
    std::vector<Parameters> asked;
    for (int i = 0; i < patterns; ++i)
        asked.push_back({.q = q,
                         .k = k,
                         .v = v,
                         .out = out,
                         .lse = lse,
                         .batch = batch,
                         .tokens = tokens,
                         .heads = heads,
                         .kv_heads = heads,
                         .head_dim = head_dim,
                         .segment_length = segment_lengths[i],
                         .dilation_rate = dilation_rates[i],
                         .phase_rule = patterns == 1 ? PhaseRule::group : PhaseRule::head,
                         .phase = 0,
                         .phase_block = 1,
                         .first_kv_head = 0,
                         .kv_head_count = heads,
                         .softmax_scale = 1 / std::sqrt(static_cast<float>(head_dim)),
                         .causal = causal});
    auto prepared = std::make_unique<Prepared>();
    const bool mixed = patterns > 1;
    const bool ready = goes_together(*kernel, asked.size())
                           ? add_together(*prepared, *kernel, asked, mixed || clears != 0)
                       : !mixed ? add_pattern(*prepared, *kernel, asked[0], false, clears != 0)
                                : add_mixture(*prepared, *kernel, asked);
    return ready ? prepared.release() : nullptr;
}

/// Queues the call. A CUDA error, or 0.
int dra_launch(void* handle, cudaStream_t stream) {
    for (const auto& launch_one : static_cast<Prepared*>(handle)->launches)
        if (const cudaError_t error = launch_one(stream); error != cudaSuccess) return error;
    return cudaSuccess;
}

/// Once nothing that was queued is still running.
void dra_release(void* handle) { delete static_cast<Prepared*>(handle); }

} // extern "C"
} // namespace dra::cuda::DRA_TARGET
