/// \file
/// Step 11, all_patterns: every pattern of a problem in one launch, and the rows that nothing selects.
///
/// Teaches: a work list. What differs from pattern to pattern (segments, dilation, phases, heads, tensor maps, where results
/// go) is an array in the kernel's parameters, and a ticket picks one (tasks.hpp). No pattern waits for another's last tiles,
/// and small ones fill what large ones leave over. The copiers' warps, which are idle where every box comes by TMA, write
/// (0, -inf) to the rows between the selected ones meanwhile (row_clearing.hpp), since attention leaves the memory's
/// bandwidth to them.
///
/// A mixture's patterns are partials in float, each in its place. merge_patterns() makes the result out of them in one pass, and
/// which rows each pattern has is arithmetic: a row's patterns do not meet in one block, and a tile that fixed_reference has
/// done again must not have been merged before.
///
/// Expected: a mixture in the time of its patterns alone and one pass over the partials. Measured on an H200, (2048, 1)
/// (4096, 2) (8192, 4), 2 x 16,384 tokens, rested: 1.52 ms (D = 128), causal 1.02; D = 64 1.88 and 1.28, where cuDNN's calls
/// alone take 1.49, 0.99, 2.09 and 1.28.
///
/// Takes what warp_specialized takes. Figures of all steps: cuda/README.md.

#include "cuda/kernels/fixed_reference.hpp"
#include "cuda/kernels/persistent.hpp"
#include "cuda/kernels/steps.hpp"

#include <algorithm>
#include <functional>
#include <vector>

namespace dra::cuda::DRA_TARGET {

cudaError_t run_together(std::span<const Launch> patterns, bool clears) {
    std::vector<Launch> longest_first(patterns.begin(), patterns.end());
    std::ranges::stable_sort(longest_first, std::greater{}, [](const Launch& l) { return l.parameters.most_rows(); });
    const Launch& first = patterns.front();
    return with_half(first.type, [&]<class T>(Element<T>) {
        return with_tile(longest_first.front().parameters, [&](auto D, auto warpgroups) {
            return launch_tasks<BalancedTasks<D, warpgroups, most_patterns>, FixedReference<StoredWide>, Drawn, T>(
                longest_first, clears);
        });
    });
}

cudaError_t run_all_patterns(const Launch& launched) { return run_together({&launched, 1}, false); }

} // namespace dra::cuda::DRA_TARGET
