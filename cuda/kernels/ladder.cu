#include "cuda/kernels/kernels.hpp"
#include "cuda/kernels/ladder.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>

namespace dra::cuda::DRA_TARGET {
namespace {

constexpr int any = std::numeric_limits<int>::max();

const std::array<AttentionKernel, 11> kernels = {{
    {.name = "naive",
     .teaches = "the definition, one thread per query row; scores computed again for every 32 channels",
     .run = run_naive,
     .takes_fp32 = true,
     .largest_head_dim = 256,
     .head_dim_multiple = 1,
     .tile_rows = 128,
     .key_tile_rows = any},
    {.name = "tiled",
     .teaches = "shared memory, register blocks, online softmax, lse",
     .run = run_tiled,
     .takes_fp32 = true,
     .largest_head_dim = 256,
     .head_dim_multiple = 1,
     .takes_two_views = true,
     .tile_rows = 32,
     .key_tile_rows = 32},
    {.name = "tensor_core",
     .teaches = "mma.sync and its fragments; the weights stay in registers",
     .run = run_tensor_core,
     .tile_rows = 64,
     .key_tile_rows = 64},
    {.name = "pipelined",
     .teaches = "the swizzle, cp.async, ldmatrix, a double buffer",
     .run = run_pipelined,
     .tile_rows = 64,
     .key_tile_rows = 64},
    {.name = "wide",
     .teaches = "128 query rows per block, 32 rows per warp, 16-byte stores",
     .run = run_wide,
     .takes_two_views = true,
     .tile_rows = 128,
     .key_tile_rows = 64},
    {.name = "hopper",
     .teaches = "TMA, stages with mbarriers, wgmma; a producer warp and a consumer warpgroup",
     .run = run_hopper,
     .architecture = 90,
     .uses_tensor_maps = true,
     .takes_any_segments = false,
     .tile_rows = 64,
     .key_tile_rows = 64},
    {.name = "warp_specialized",
     .teaches = "a producer warp and consumer warpgroups, setmaxnreg, blocks that stay",
     .run = run_warp_specialized,
     .architecture = 90,
     .uses_tensor_maps = true,
     .tile_rows = 128,
     .key_tile_rows = 128,
     .warpgroup_rows = 64,
     .three_warpgroup_rows = 192},
    {.name = "overlapped",
     .teaches = "the next scores under way during the softmax, also from tile to tile",
     .run = run_overlapped,
     .architecture = 90,
     .uses_tensor_maps = true,
     .tile_rows = 128,
     .key_tile_rows = 128,
     .warpgroup_rows = 64,
     .three_warpgroup_rows = 192},
    {.name = "balanced",
     .teaches = "more stages, tickets with the longest first, stores without branches, Q in registers",
     .run = run_balanced,
     .architecture = 90,
     .uses_tensor_maps = true,
     .tile_rows = 128,
     .key_tile_rows = 128,
     .warpgroup_rows = 64,
     .three_warpgroup_rows = 192,
     .workspace_ints = 1},
    {.name = "fixed_reference",
     .teaches = "no running maximum; a tile that goes beyond its type is done again",
     .run = run_fixed_reference,
     .architecture = 90,
     .uses_tensor_maps = true,
     .takes_two_views = true,
     .tile_rows = 128,
     .key_tile_rows = 128,
     .warpgroup_rows = 64,
     .three_warpgroup_rows = 192,
     .workspace_ints = 2,
     .workspace_ints_per_tile = 2},
    {.name = "all_patterns",
     .teaches = "one launch for every pattern and the rows that none selects",
     .run = run_all_patterns,
     .architecture = 90,
     .uses_tensor_maps = true,
     .tile_rows = 128,
     .key_tile_rows = 128,
     .warpgroup_rows = 64,
     .three_warpgroup_rows = 192,
     .workspace_ints = 2,
     .workspace_ints_per_tile = 2,
     .joins_patterns = true},
}};

bool on_boundary(const void* pointer, std::uintptr_t bytes) {
    return reinterpret_cast<std::uintptr_t>(pointer) % bytes == 0;
}

/// w as the tensor maps see it: a segment longer than the sequence is the sequence.
int segment_of_map(const Parameters& parameters) { return std::min(parameters.segment_length, parameters.tokens); }

/// The most tiles that a launch can have: there are fewer where a tile has three warpgroups, but patterns that go
/// together all have the tile of the longest.
long long tiles_of(const AttentionKernel& kernel, const Parameters& parameters) {
    const long long tiles = (parameters.most_rows() + static_cast<long long>(kernel.tile_rows) - 1) / kernel.tile_rows;
    return tiles * parameters.batch * parameters.segments() * parameters.kv_head_count *
           parameters.query_heads_per_kv_head();
}

std::string number(long long x) { return std::to_string(x); }

} // namespace

std::span<const AttentionKernel> ladder() { return kernels; }

const AttentionKernel* find_kernel(std::string_view name) {
    const auto found = std::ranges::find(kernels, name, &AttentionKernel::name);
    return found == kernels.end() ? nullptr : &*found;
}

const AttentionKernel& joint_kernel() { return *std::ranges::find(kernels, true, &AttentionKernel::joins_patterns); }

std::string why_not_segments(const AttentionKernel& kernel, const Parameters& parameters) {
    const int N = parameters.tokens, w = segment_of_map(parameters), r = parameters.dilation_rate;
    const std::string needs = std::string("kernel `") + kernel.name + "` needs a ";
    if (kernel.takes_any_segments) return "";
    if (w % r != 0)
        return needs + "dilation rate that divides the segment length, and " + number(r) + " does not divide " +
               number(w);
    if (N % w != 0)
        return needs + "segment length that divides the tokens, and " + number(w) + " does not divide " + number(N);
    return "";
}

std::string why_not(const AttentionKernel& kernel, DType type, const Parameters& parameters, int architecture) {
    const std::string name = std::string("kernel `") + kernel.name + "` ";
    if (type == DType::f64 || (type == DType::f32 && !kernel.takes_fp32))
        return name + "takes " + (kernel.takes_fp32 ? "fp32, bf16 and fp16" : "bf16 and fp16") + ", not " +
               (type == DType::f64 ? "fp64" : "fp32");
    if (parameters.head_dim > kernel.largest_head_dim)
        return name + "takes head_dim up to " + number(kernel.largest_head_dim) + ", not " +
               number(parameters.head_dim);
    if (parameters.head_dim % kernel.head_dim_multiple != 0)
        return name + "needs a head_dim that is a multiple of " + number(kernel.head_dim_multiple) + ", not " +
               number(parameters.head_dim);
    // wgmma is of 9.0 alone, not of what comes after it.
    if (kernel.architecture == 90 ? architecture != 90 : architecture < kernel.architecture)
        return name + "needs compute capability " + (kernel.architecture == 90 ? "9.0" : "8.0 or later") + ", not " +
               number(architecture / 10) + "." + number(architecture % 10);
    if (kernel.head_dim_multiple > 1)
        for (const void* pointer : {parameters.q, parameters.k, parameters.v, const_cast<const void*>(parameters.out)})
            if (!on_boundary(pointer, 16)) return name + "needs q, k, v and out on 16-byte boundaries";
    const long long row_bytes = 2LL * parameters.batch * parameters.head_dim,
                    q_bytes = row_bytes * parameters.tokens * parameters.heads,
                    k_bytes = row_bytes * parameters.key_tokens * parameters.kv_heads; // at most q's, without two views
    if (kernel.head_dim_multiple > 1 && std::max(q_bytes, k_bytes) >= 1LL << 36)
        return name + "needs a " + (q_bytes >= k_bytes ? "q" : "k") + " of less than 64 GiB, not " +
               number(std::max(q_bytes, k_bytes) >> 30);
    if (parameters.two_views() && !kernel.takes_two_views)
        return name + "needs q, k and v of the same tokens, and here q holds those from " +
               number(parameters.first_token) + " on, k and v those from " + number(parameters.first_key_token) + " on";
    if (const std::string why = why_not_segments(kernel, parameters); !why.empty()) return why;
    const long long blocks = tiles_of(kernel, parameters);
    if (blocks > std::numeric_limits<int>::max())
        return name + "needs at most 2^31 - 1 blocks, and this problem has " + number(blocks);
    return "";
}

const AttentionKernel& best_kernel(DType type, const Parameters& parameters, int architecture) {
    // Each is faster than the one before it.
    for (auto kernel = std::rbegin(kernels); kernel != std::rend(kernels); ++kernel)
        if (why_not(*kernel, type, parameters, architecture).empty()) return *kernel;
    return kernels.front();
}

Maps make_maps(const AttentionKernel& kernel, DType type, const Parameters& parameters) {
    Maps maps = {};
    if (!kernel.uses_tensor_maps) return maps;
    // {D, H r, w / r, N / w, B}: channel, phase H + head, selected row, segment, batch. In a box, 64 channels (128
    // bytes, the swizzle's row) of `rows` successive selected rows. Where that does not divide, {D, H r, N / r, 1, B},
    // which knows no segments: phases are counted from the first token.
    const int segment = segment_of_map(parameters);
    maps.even_segments =
        !parameters.two_views() && segment % parameters.dilation_rate == 0 && parameters.tokens % segment == 0;
    const auto map = [&](const void* tensor, int tokens, int heads, int rows) {
        const std::uint64_t D = parameters.head_dim, H = heads, r = parameters.dilation_rate, N = tokens,
                            w = maps.even_segments ? static_cast<std::uint64_t>(segment) : N;
        const std::uint64_t sizes[5] = {D, H * r, std::max<std::uint64_t>(w / r, 1), N / w,
                                        static_cast<std::uint64_t>(parameters.batch)};
        const std::uint64_t bytes = bytes_of(type);
        const std::uint64_t strides[4] = {D * bytes, r * H * D * bytes, w * H * D * bytes, N * H * D * bytes};
        const std::uint32_t box[5] = {64, 1, static_cast<std::uint32_t>(rows), 1, 1};
        return make_tensor_map(type, const_cast<void*>(tensor), 5, sizes, strides, box, true);
    };
    const int key_tokens = parameters.two_views() ? parameters.key_tokens : parameters.tokens;
    maps.q = map(parameters.q, parameters.tokens, parameters.heads, kernel.q_box_rows());
    maps.k = map(parameters.k, key_tokens, parameters.kv_heads, kernel.key_tile_rows);
    maps.v = map(parameters.v, key_tokens, parameters.kv_heads, kernel.key_tile_rows);
    return maps;
}

std::size_t workspace_ints(const AttentionKernel& kernel, const Parameters& parameters) {
    const long long of_tiles = kernel.workspace_ints_per_tile * tiles_of(kernel, parameters);
    return static_cast<std::size_t>(kernel.workspace_ints + of_tiles);
}

cudaError_t run(const AttentionKernel& kernel, const Launch& launch) {
    if (launch.parameters.kv_head_count == 0) return cudaSuccess; // a group may be empty
    if (launch.parameters.two_views() && !launch.float_out) return cudaErrorInvalidValue;
    return kernel.run(launch);
}

} // namespace dra::cuda::DRA_TARGET
