#pragma once
/// \file
/// The ladder: every attention kernel of this folder, from the one that states the equation to the one that is fast.
///
/// A step computes one pattern for the heads that use it: dense attention on strided views, out and lse. It writes the
/// rows that the pattern selects, and of those that see no key (0, -inf); rows that nothing selects are clear_rows()'s.
/// Every function here queues work on a stream and returns; the error is that of the launch.

#include "cuda/kernels/parameters.hpp"
#include "cuda/simt/runtime.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace dra::cuda::DRA_TARGET {

/// The tensor maps of q, k and v: how TMA finds a tile. Made once a plan; only steps with `uses_tensor_maps` look at
/// them.
struct Maps {
    TensorMap q, k, v;
    bool even_segments; ///< r divides w and w divides N, and the maps know where a segment ends
};

/// One launch of a step.
struct Launch {
    Parameters parameters;
    Type type;
    bool float_out;   ///< out is float whatever the type: a partial that will be merged
    const Maps* maps; ///< from make_maps() for the same parameters; may be null for steps without tensor maps
    cudaStream_t stream;
    int* workspace =
        nullptr; ///< workspace_ints() zeros, which a launch leaves as it found them; may be null if that is 0
};

/// Whether a tile has three consumer warpgroups, where a step has a choice; pipeline.hpp says what for.
constexpr bool takes_wide_tile(const Parameters& parameters) {
    constexpr int few_rows = 2048;
    return parameters.head_dim <= 64 && !(parameters.causal && parameters.most_rows() < few_rows);
}

/// One kernel of the ladder: what it teaches, and what it can be asked for.
struct Step {
    const char* name;
    const char* teaches;
    bool takes_fp32;
    int largest_head_dim;
    int head_dim_multiple; ///< D must be a multiple of it
    int architecture;      ///< 80, or 90 for what only compute capability 9.0 has
    bool uses_tensor_maps;
    int tile_rows; ///< query rows a tile, but see rows_for()
    cudaError_t (*run)(const Launch&);
    int key_tile_rows;              ///< keys a tile; of the box of a tensor map, too
    bool takes_any_segments = true; ///< false: r must divide w and w must divide N
    int warpgroup_rows = 0;         ///< query rows a consumer warpgroup, and of Q's box, where a tile has several
    int wide_tile_rows = 0;         ///< query rows a tile of what takes_wide_tile(), where it differs
    int workspace_ints = 0;         ///< on the device
    int workspace_ints_a_tile = 0;  ///< and so many more for every tile

    /// Query rows a tile of this pattern.
    int rows_for(const Parameters& parameters) const {
        return wide_tile_rows && takes_wide_tile(parameters) ? wide_tile_rows : tile_rows;
    }
    int q_box_rows() const { return warpgroup_rows ? warpgroup_rows : tile_rows; }
};

/// In the order in which they should be read.
std::span<const Step> ladder();

/// The step of this name, or null.
const Step* find_step(std::string_view name);

/// Empty when the step can run this, else the rule that it cannot keep, in one sentence for the user.
std::string why_not(const Step& step, Type type, const Parameters& parameters, int architecture);

/// The fastest step that can run this; there always is one for D <= 256.
const Step& best_step(Type type, const Parameters& parameters, int architecture);

/// Describes q, k and v to TMA; does nothing for a step without tensor maps.
Maps make_maps(const Step& step, Type type, const Parameters& parameters);

/// Integers on the device that the step needs beside the tensors: of one launch at a time.
std::size_t workspace_ints(const Step& step, const Parameters& parameters);

/// Patterns that one launch can have.
inline constexpr int most_patterns = 8;

/// Several patterns (1 to most_patterns) of one problem in one launch of the step all_patterns, the longest first. They
/// differ in segments, dilation, phases, heads, out, lse and maps alone; the workspace is the first one's and must have
/// workspace_ints() for all of them. `clears`: rows that a pattern does not select become (0, -inf), out in the type; else they
/// stay as they are.
cudaError_t run_together(std::span<const Launch> patterns, bool clears);

/// out (in the type) and lse := the merge of what run_together() made of these patterns, each in float, over all heads. Rows that
/// a pattern does not select are not looked at. D must be a multiple of 8.
cudaError_t merge_patterns(std::span<const Launch> patterns, void* out, float* lse);

/// Runs a step for which why_not() is empty.
cudaError_t run(const Step& step, const Launch& launch);

/// out = 0, lse = -inf in the rows of the pattern's heads that the pattern does not select. Touches no key.
cudaError_t clear_rows(const Parameters& parameters, Type type, bool float_out, cudaStream_t stream);

/// (out, lse) := merge((out, lse), (other_out, other_lse)): float, in place, all heads of `shape` (B, N, H, D are used).
cudaError_t merge_partial(float* out, float* lse, const float* other_out, const float* other_lse,
                          const Parameters& shape, cudaStream_t stream);

/// n floats, rounded to nearest even in the type.
cudaError_t cast_to(Type type, void* to, const float* from, std::size_t n, cudaStream_t stream);

} // namespace dra::cuda::DRA_TARGET
