#include "tests/cuda/kernels/single_pattern.hpp"

#include "reference/definition/visibility.hpp"

namespace dra::test {
namespace {

using cuda::emulated::AttentionKernel;
using cuda::emulated::find_kernel;

constexpr Index tokens = 800;

SinglePattern pattern_problem(Index head_dim, Index rate, bool causal) {
    const Shape shape{1, tokens, 1, head_dim};
    return {random_normal<float>(shape, 1), random_normal<float>(shape, 2),
            random_normal<float>(shape, 3), DType::bf16,
            {tokens, rate, rate / 2},       causal};
}

/// The number of key tiles that the query tiles of one view of `rows` rows need, added up.
Index key_tiles(const AttentionKernel& kernel, Index tile_rows, Index rows, bool causal) {
    Index tiles = 0;
    for (Index first = 0; first < rows; first += tile_rows)
        tiles += ceil_div(causal ? std::min<Index>(first + tile_rows, rows) : rows, kernel.key_tile_rows);
    return tiles;
}

TEST_CASE("ldmatrix has no bank conflict and every request of cp.async is 16 whole sectors, whatever the dilation") {
    for (const char* name : {"pipelined", "wide"})
        for (const Index head_dim : {64, 128})
            for (const Index rate : {1, 2, 5}) {
                SinglePattern one = pattern_problem(head_dim, rate, false);
                const Counted counted;
                one.run(*find_kernel(name));
                const double wavefronts = static_cast<double>(counted->load_matrix_wavefronts) /
                                          static_cast<double>(4 * counted->load_matrices);
                const double sectors = static_cast<double>(counted->async_copy_sectors) /
                                       static_cast<double>(counted->async_copy_requests);
                MESSAGE(std::string(name), " D ", head_dim, " r ", rate, ": ", wavefronts, " wavefronts per matrix, ",
                        sectors, " sectors per request");
                CHECK(counted->load_matrices > 0);
                CHECK(wavefronts == 1);
                CHECK(sectors == 16);
            }
}

TEST_CASE("wide stores whole sectors: 16 per request, where fragments fill half of each") {
    for (const char* name : {"pipelined", "wide"}) {
        SinglePattern one = pattern_problem(64, 1, false);
        const Counted counted;
        one.run(*find_kernel(name));
        const Index sectors_of_out = tokens * 64 * 2 / 32;
        const auto of_out = static_cast<Index>(counted->store_sectors) - tokens / 8; // lse: 8 floats per sector at best
        MESSAGE(std::string(name), ": ", counted->store_sectors, " sectors stored, ", sectors_of_out,
                " of out at best");
        CHECK((std::string(name) == "wide" ? of_out < 1.2 * sectors_of_out : of_out >= 2 * sectors_of_out));
    }
}

TEST_CASE("tensor cores do 4 D operations for every pair of a tile that has a visible pair, and none for other tiles") {
    for (const AttentionKernel& kernel : cuda::emulated::ladder()) {
        if (kernel.takes_fp32) continue;
        for (const Index head_dim : {64, 128})
            for (const bool causal : {false, true}) {
                SinglePattern one = pattern_problem(head_dim, 2, causal);
                const Counted counted;
                one.run(kernel);
                const Index rows = tokens / 2, tile_rows = kernel.rows_for(one.parameters),
                            tiles = key_tiles(kernel, tile_rows, rows, causal);
                CAPTURE(std::string(kernel.name));
                CAPTURE(head_dim);
                CAPTURE(causal);
                CHECK(counted->tensor_flops ==
                      static_cast<std::uint64_t>(4 * head_dim * tile_rows * kernel.key_tile_rows * tiles));
            }
    }
}

TEST_CASE("tiles that no row of the block sees are not loaded") {
    for (const AttentionKernel& kernel : cuda::emulated::ladder()) {
        if (kernel.takes_fp32) continue;
        SinglePattern one = pattern_problem(64, 2, true);
        const Counted counted;
        one.run(kernel);
        const Index rows = tokens / 2, tile_rows = kernel.rows_for(one.parameters),
                    tiles = key_tiles(kernel, tile_rows, rows, true), query_tiles = ceil_div(rows, tile_rows),
                    q_boxes = query_tiles * tile_rows / kernel.q_box_rows();
        CAPTURE(std::string(kernel.name));
        if (kernel.uses_tensor_maps) {
            CHECK(counted->tensor_loads == static_cast<std::uint64_t>(q_boxes + 2 * tiles));
            continue;
        }
        // Rows past the view's end are not read: a tile of keys may be short, and so may the last of queries.
        Index rows_read = rows;
        for (Index first = 0; first < rows; first += tile_rows) {
            const Index seen = std::min<Index>(first + tile_rows, rows);
            rows_read += 2 * std::min(ceil_div(seen, kernel.key_tile_rows) * kernel.key_tile_rows, rows);
        }
        const Index sectors_per_row = 64 * 2 / 32;
        const std::uint64_t sectors = counted->async_copy_sectors + counted->load_sectors;
        CHECK(sectors >= static_cast<std::uint64_t>(rows_read * sectors_per_row));
        // tensor_core reads Q's fragments in pieces of 4 bytes, so its sectors of Q come more than once.
        const Index again = std::string(kernel.name) == "tensor_core" ? rows * sectors_per_row : 0;
        CHECK(sectors <= static_cast<std::uint64_t>(rows_read * sectors_per_row + again));
    }
}

TEST_CASE("the pairs that kernels let through are the visible ones") {
    for (const AttentionKernel& kernel : cuda::emulated::ladder())
        for (const bool causal : {false, true}) {
            const Shape shape{2, 200, 2, 16};
            const Pattern pattern{100, 2, 1};
            SinglePattern one(random_normal<float>(shape, 1), random_normal<float>(shape, 2),
                              random_normal<float>(shape, 3), DType::bf16, pattern, causal);
            const Counted counted;
            one.run(kernel);
            const Visibility segment{pattern.selected(0, 200), pattern.selected(0, 200), causal};
            CAPTURE(std::string(kernel.name));
            CAPTURE(causal);
            CHECK(counted->visible_pairs == static_cast<std::uint64_t>(2 * 2 * 2 * segment.pairs()));
        }
}

} // namespace
} // namespace dra::test
