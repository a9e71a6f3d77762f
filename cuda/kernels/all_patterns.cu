/// \file
/// Kernel 11, all_patterns: every pattern of a problem in one launch, and the rows that nothing selects.
///
/// Teaches: a work list. What differs from pattern to pattern (segments, dilation, phases, heads, tensor maps, where
/// results go) is an array in the kernel's parameters, and a ticket picks one (tasks.hpp). No pattern waits for
/// another's last tiles, and small ones fill what large ones leave over. The copiers' warps, which are idle where every
/// box comes by TMA, write (0, -inf) to the rows between the selected ones meanwhile (row_clearing.hpp), since
/// attention leaves the memory's bandwidth to them.
///
/// A mixture's patterns are partials in float, each in its place, and which rows each has is arithmetic. A row's
/// patterns do not meet in one block; but a pattern that selects every row is a pass over them all anyway. So it comes
/// last, in a launch that begins while the others' ends, and merges them into its rows where it stores them
/// (merged_rows.hpp). Without such a pattern merge_patterns() makes the result in a pass of its own.
///
/// Expected: a mixture in the time of its patterns alone. Measured on an H200, (2048, 1) (4096, 2) (8192, 4), 2 x
/// 16,384 tokens, rested: 1.39 ms (D = 128), causal 0.87; D = 64 1.75 and 1.14, where cuDNN's calls alone take 1.51,
/// 1.00, 2.09 and 1.27.
///
/// Takes what warp_specialized takes. Figures of all kernels: docs/gpu-results.md.

#include "cuda/kernels/fixed_reference.hpp"
#include "cuda/kernels/kernels.hpp"
#include "cuda/kernels/merged_rows.hpp"
#include "cuda/kernels/persistent.hpp"

#include <algorithm>
#include <functional>
#include <vector>

namespace dra::cuda::DRA_TARGET {
namespace {

template <class Results>
cudaError_t launch_patterns(std::span<const Launch> patterns, bool clears, std::span<const Launch> earlier = {}) {
    const Launch& first = patterns.front();
    // Merging waits for memory, and three warpgroups hide more of it.
    const bool three = !earlier.empty() || takes_three_warpgroups(first.parameters);
    return with_half(first.type, [&]<class T>(Element<T>) {
        return with_tile(first.parameters, three, [&](auto D, auto warpgroups) {
            return launch_tasks<BalancedTasks<D, warpgroups, most_patterns>, FixedReference<VectorStores<Results>>,
                                DynamicTickets, T>(patterns, clears, earlier);
        });
    });
}

std::vector<Launch> longest_first(std::span<const Launch> patterns) {
    std::vector<Launch> sorted(patterns.begin(), patterns.end());
    std::ranges::stable_sort(sorted, std::greater{}, [](const Launch& l) { return l.parameters.most_rows(); });
    sorted.front().workspace = patterns.front().workspace;
    return sorted;
}

} // namespace

cudaError_t run_together(std::span<const Launch> patterns, bool clears) {
    return launch_patterns<InType>(longest_first(patterns), clears);
}

cudaError_t run_partials(std::span<const Launch> patterns) {
    return launch_patterns<AsPartial>(longest_first(patterns), false);
}

cudaError_t run_merging(const Launch& last, std::span<const Launch> partials) {
    return launch_patterns<MergedInType>({&last, 1}, false, partials);
}

/// One pattern as a partial for other kernels is fixed_reference's, which does the same.
cudaError_t run_all_patterns(const Launch& launched) {
    return launched.float_out ? run_fixed_reference(launched) : run_together({&launched, 1}, false);
}

} // namespace dra::cuda::DRA_TARGET
