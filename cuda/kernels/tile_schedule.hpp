#pragma once
/// \file
/// Which block does what: the grid is one-dimensional, and a block's number says batch, head, segment and query tile.
///
/// A *view* is one (batch, segment, head); its query tiles read the same keys. Views are ordered with the heads
/// innermost, so that the query heads of one KV head are neighbours, and cut into *sections* whose keys and values fit
/// the L2 cache together:
///
///     block = section * (section_views * tiles) + turn,   turn = nth * (views of the section) + view
///
/// Within a section the last query tile of every view comes first: under a causal mask it sees the most keys, and a
/// long block that starts last would leave the other multiprocessors idle. Without a mask all tiles are equally long,
/// and a section is one view, whose tiles then find its keys in L2.

#include "cuda/device/parameters.hpp"
#include "cuda/simt/device.hpp"

#include <algorithm>

namespace dra::cuda::DRA_TARGET {

/// The order of a launch's blocks, made on the host.
struct TileSchedule {
    int tiles;                   ///< query tiles per view of the longest segment; shorter ones leave blocks idle
    int views;                   ///< B * segments * query heads that use the pattern
    int section_views;           ///< views per section; the last section may have fewer
    int heads;                   ///< query heads that use the pattern
    int segments;                ///< segments per sequence
    int query_heads_per_kv_head; ///< query heads that share a KV head

    /// The number of blocks of the launch; kernels refuse problems with more than 2^31 - 1.
    constexpr long long blocks() const { return static_cast<long long>(tiles) * views; }
};

/// The schedule for tiles of `tile_rows` query rows and elements of `element_bytes`.
inline TileSchedule make_tile_schedule(const Parameters& parameters, int tile_rows, int element_bytes) {
    constexpr long long section_bytes = 32 << 20; // of an H100's 50 MB
    constexpr long long most_views = 32;          // keep every multiprocessor busy, not more
    const int rows = parameters.most_rows();
    const int heads = parameters.kv_head_count * parameters.query_heads_per_kv_head();
    const int views = parameters.batch * parameters.segments() * heads;
    const long long view_bytes = 2LL * parameters.most_keys() * parameters.head_dim * element_bytes;
    const long long fitting = std::clamp(section_bytes / view_bytes, 1LL, most_views);
    return {(rows + tile_rows - 1) / tile_rows,
            views,
            parameters.causal ? static_cast<int>(fitting) : 1,
            heads,
            parameters.segments(),
            parameters.query_heads_per_kv_head()};
}

/// One block's share: a query tile of a view.
struct WorkTile {
    int batch, segment; ///< their numbers, from 0
    int head;           ///< number of the query head
    int kv_head;        ///< number of the KV head that it reads
    int tile;           ///< number of the query tile in its view
};

/// The work tile of block `block`.
__device__ __forceinline__ WorkTile work_tile(const TileSchedule& schedule, const Parameters& parameters, int block) {
    const int blocks_per_section = schedule.section_views * schedule.tiles;
    const int section = block / blocks_per_section, turn = block % blocks_per_section;
    const int left = schedule.views - section * schedule.section_views;
    const int section_views = left < schedule.section_views ? left : schedule.section_views;
    const int view = section * schedule.section_views + turn % section_views;

    const int head = parameters.first_kv_head * schedule.query_heads_per_kv_head + view % schedule.heads,
              segment = view / schedule.heads;
    return {segment / schedule.segments, segment % schedule.segments, head, head / schedule.query_heads_per_kv_head,
            schedule.tiles - 1 - turn / section_views};
}

} // namespace dra::cuda::DRA_TARGET
