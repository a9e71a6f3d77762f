#pragma once
/// \file
/// The ladder: every attention kernel of this folder, from the one that states the equation to the one that is fast.
///
/// A kernel computes one pattern for the heads that use it: dense attention on strided views, out and lse. It writes
/// the rows that the pattern selects and that see a key; the others are clear_rows()'s.
/// Every function here queues work on a stream and returns; the error is that of the launch.

#include "cuda/device/parameters.hpp"
#include "cuda/simt/runtime.hpp"
#include "reference/definition/dtype.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace dra::cuda::DRA_TARGET {

/// The tensor maps of q, k and v: how TMA finds a tile. An executor makes them once; only kernels with
/// `uses_tensor_maps` look at them.
struct Maps {
    TensorMap q, k, v;
    bool even_segments; ///< r divides w and w divides N, and the maps know where a segment ends
};

/// One launch of a kernel.
struct Launch {
    Parameters parameters;
    DType type;
    bool float_out;   ///< out is float whatever the type: a partial that will be merged, as every one of two views is
    const Maps* maps; ///< what make_maps() made for the same parameters; may be null for kernels without tensor maps
    cudaStream_t stream;
    /// workspace_ints() zeros, which a launch leaves as it found them; may be null if that is 0.
    int* workspace = nullptr;
};

/// Whether a tile has three consumer warpgroups, where a kernel has a choice; pipeline.hpp says what for. They multiply
/// faster than two (on an H200 by 9 to 12 %), and more of what they multiply lies beyond the last row and the causal
/// diagonal.
constexpr bool takes_three_warpgroups(const Parameters& parameters) {
    constexpr double faster = 1.09;
    constexpr int many_rows = 8192; // so many that what lies beyond is a small part
    const int rows = parameters.most_rows();
    const auto multiplied = [&](int tile_rows) { // rows times keys, in blocks of 128
        int found = 0;
        for (int first = 0; first < rows; first += tile_rows) {
            const int seen = parameters.causal ? std::min(first + tile_rows, rows) : rows;
            found += tile_rows * ((seen + 127) / 128);
        }
        return found;
    };
    return parameters.head_dim <= 64 && (rows >= many_rows || multiplied(192) < faster * multiplied(128));
}

/// One kernel of the ladder: what it teaches, and what it can be asked for.
struct AttentionKernel {
    const char* name;                  ///< what `--kernel` calls it
    const char* teaches;               ///< what it adds to the kernels before it
    cudaError_t (*run)(const Launch&); ///< queues one launch
    bool takes_fp32 = false;           ///< fp32 beside bf16 and fp16
    int largest_head_dim = 128;        ///< the largest D
    int head_dim_multiple = 8;         ///< D must be a multiple of it
    int architecture = 80;             ///< 80, or 90 for what only compute capability 9.0 has
    bool uses_tensor_maps = false;     ///< TMA brings its tiles
    bool takes_any_segments = true;    ///< false: r must divide w and w must divide N
    bool takes_two_views = false;      ///< k and v may hold other tokens than q
    int tile_rows;                     ///< query rows per tile, but see rows_for()
    int key_tile_rows;                 ///< keys per tile, and per box of a tensor map
    int warpgroup_rows = 0;          ///< query rows per consumer warpgroup, and per box of Q, where a tile has several
    int three_warpgroup_rows = 0;    ///< query rows per tile of what takes_three_warpgroups(), where it differs
    int workspace_ints = 0;          ///< integers of the workspace, on the device
    int workspace_ints_per_tile = 0; ///< integers that it has more per tile
    bool joins_patterns = false;     ///< does several in one launch: run_together() and what follows it

    /// Query rows per tile of this pattern.
    int rows_for(const Parameters& parameters) const {
        return three_warpgroup_rows && takes_three_warpgroups(parameters) ? three_warpgroup_rows : tile_rows;
    }
    int q_box_rows() const { return warpgroup_rows ? warpgroup_rows : tile_rows; }
};

/// The kernels in the order in which they should be read.
std::span<const AttentionKernel> ladder();

/// The kernel of this name, or null.
const AttentionKernel* find_kernel(std::string_view name);

/// Empty when the kernel can run segments like these, else the rule that they do not keep. The pattern is shortened to
/// the sequence (device_problem.hpp).
std::string why_not_segments(const AttentionKernel& kernel, const Parameters& parameters);

/// Empty when the kernel can run this, else the rule that it cannot keep, in one sentence for the user.
std::string why_not(const AttentionKernel& kernel, DType type, const Parameters& parameters, int architecture);

/// The fastest kernel that can run this; there always is one for D <= 256.
const AttentionKernel& best_kernel(DType type, const Parameters& parameters, int architecture);

/// Describes q, k and v to TMA; does nothing for a kernel without tensor maps.
Maps make_maps(const AttentionKernel& kernel, DType type, const Parameters& parameters);

/// The number of integers on the device that the kernel needs beside the tensors, for one launch at a time.
std::size_t workspace_ints(const AttentionKernel& kernel, const Parameters& parameters);

/// The most patterns that one launch can have.
inline constexpr int most_patterns = 8;

/// The kernel that does several patterns in one launch.
const AttentionKernel& joint_kernel();

/// Whether this kernel does so many patterns in one launch.
inline bool goes_together(const AttentionKernel& kernel, std::size_t patterns) {
    return kernel.joins_patterns && patterns <= most_patterns;
}

/// Several patterns (1 to most_patterns) of one problem in one launch of joint_kernel(), the longest first. They
/// differ in segments, dilation, phases, heads, out, lse and maps alone; the workspace is the first one's and must have
/// workspace_ints() for all of them. out is in the type. `clears`: rows that a pattern does not select become (0,
/// -inf); else they stay as they are.
cudaError_t run_together(std::span<const Launch> patterns, bool clears);

/// Floats per row of a partial: whole groups of 16 channels; partial_rows.hpp says in which order.
constexpr int partial_channels(int head_dim) { return (head_dim + 15) / 16 * 16; }

/// Floats of a whole partial.
constexpr std::size_t partial_floats(const Parameters& parameters) {
    return static_cast<std::size_t>(parameters.batch) * parameters.tokens * parameters.heads *
           partial_channels(parameters.head_dim);
}

/// The patterns of a mixture, over all heads, in one launch of joint_kernel(): out of each is a partial of
/// partial_floats() floats. Rows that a pattern does not select stay as they are.
cudaError_t run_partials(std::span<const Launch> patterns);

/// out (in the type) and lse := the merge of what run_partials() made of these patterns. Rows that a pattern does not
/// select are not looked at.
cudaError_t merge_patterns(std::span<const Launch> patterns, void* out, float* lse);

/// Whether run_merging() can have this pattern as its last: it selects every row.
constexpr bool can_merge(const Parameters& parameters) { return parameters.dilation_rate == 1; }

/// The pattern `last`, with out in the type, into which it merges what run_partials() made of the others: out and lse
/// of the mixture (1 + partials, most_patterns at most). Queued right behind run_partials(), it begins while that ends.
/// The workspace is its own.
cudaError_t run_merging(const Launch& last, std::span<const Launch> partials);

/// Runs a kernel for which why_not() is empty.
cudaError_t run(const AttentionKernel& kernel, const Launch& launch);

/// out = 0, lse = -inf in the rows of the pattern's heads that the pattern does not select; of two views also in those
/// that it selects but that see no key, which no kernel writes. Touches no key.
cudaError_t clear_rows(const Parameters& parameters, DType type, bool float_out, cudaStream_t stream);

/// (out, lse) := merge((out, lse), (other_out, other_lse)): float, in place, all heads of `shape` (B, N, H, D are
/// used).
cudaError_t merge_partial(float* out, float* lse, const float* other_out, const float* other_lse,
                          const Parameters& shape, cudaStream_t stream);

/// Rounds n floats to the type, to nearest even.
cudaError_t cast_to(DType type, void* to, const float* from, std::size_t n, cudaStream_t stream);

} // namespace dra::cuda::DRA_TARGET
