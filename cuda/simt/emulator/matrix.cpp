/// \file
/// ldmatrix, stmatrix and mma.sync.

#include "cuda/simt/emulator/block.hpp"
#include "cuda/simt/emulator/product.hpp"
#include "cuda/simt/emulator/ptx_matrix.hpp"

#include <algorithm>
#include <cstring>

namespace dra::simt {
namespace machine {
namespace {

constexpr unsigned matrices = 4, rows = 8, row_bytes = 16; // what ldmatrix.x4 and stmatrix.x4 move

/// The number of passes that one 8x8 matrix needs: its rows lie in 8 groups of 4 banks, and a group serves one of them
/// at a time.
unsigned wavefronts(unsigned char* const* row) {
    unsigned load[8] = {}, most = 0;
    for (unsigned i = 0; i < rows; ++i) {
        if (std::find(row, row + i, row[i]) != row + i) continue; // the same row is read once
        most = std::max(most, ++load[reinterpret_cast<std::uintptr_t>(row[i]) / row_bytes % 8]);
    }
    return most;
}

} // namespace

void load_matrix(std::uint32_t (&r)[4], const void* row, bool transposed, Site site) {
    const char* const name = transposed ? "ldmatrix.trans" : "ldmatrix";
    Block& block = Block::current();
    {
        const sanitizers::Quiet quiet;
        block.check_shared(row, row_bytes, row_bytes, name, site);
    }
    sanitizers::read(row, row_bytes, __builtin_return_address(0));
    const sanitizers::Quiet quiet;
    Exchange& exchange = block.warp().exchange;
    const unsigned me = block.lane().number % warp_size;
    exchange.row[me] = const_cast<unsigned char*>(static_cast<const unsigned char*>(row));
    block.meet(name, ~0u, site, [&] {
        ++block.counters.load_matrices;
        for (unsigned m = 0; m < matrices; ++m) {
            unsigned char* const* const from = &exchange.row[m * rows];
            block.counters.load_matrix_wavefronts += wavefronts(from);
            std::uint16_t elements[rows][8]; // row g, columns 2 c + h: the order of the lanes' registers
            for (unsigned i = 0; i < rows; ++i) std::memcpy(elements[i], from[i], row_bytes);
            if (transposed)
                for (unsigned i = 0; i < rows; ++i)
                    for (unsigned j = 0; j < i; ++j) std::swap(elements[i][j], elements[j][i]);
            std::memcpy(exchange.r[m], elements, sizeof elements);
        }
    });
    for (unsigned m = 0; m < matrices; ++m) r[m] = exchange.r[m][me];
}

void mma(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2], Format format, Site site) {
    const sanitizers::Quiet quiet;
    Block& block = Block::current();
    Exchange& exchange = block.warp().exchange;
    const unsigned me = block.lane().number % warp_size;
    for (unsigned i = 0; i < 4; ++i) exchange.a[i][me] = a[i];
    for (unsigned i = 0; i < 2; ++i) exchange.b[i][me] = b[i];
    for (unsigned i = 0; i < 4; ++i) exchange.d[i][me] = d[i];
    block.meet(format == Format::bf16 ? "mma.bf16" : "mma.fp16", ~0u, site, [&] {
        ++block.counters.mma_instructions;
        block.counters.tensor_flops += 2 * 16 * 8 * 16;
        multiply_fragments(exchange.d, exchange.a, exchange.b, format);
    });
    for (unsigned i = 0; i < 4; ++i) d[i] = exchange.d[i][me];
}

} // namespace machine

void ptx::store_matrix_x4(void* row, const std::uint32_t (&r)[4], Site site) {
    using namespace machine;
    Block& block = Block::current();
    {
        const sanitizers::Quiet quiet;
        block.check_shared(row, row_bytes, row_bytes, "stmatrix", site);
    }
    sanitizers::write(row, row_bytes, __builtin_return_address(0));
    const sanitizers::Quiet quiet;
    Exchange& exchange = block.warp().exchange;
    const unsigned me = block.lane().number % warp_size;
    block.generic_writes.write(block.shared.offset(row), row_bytes, block.lane());
    exchange.row[me] = static_cast<unsigned char*>(row);
    for (unsigned m = 0; m < matrices; ++m) exchange.r[m][me] = r[m];
    block.meet("stmatrix", ~0u, site, [&] {
        ++block.counters.store_matrices;
        for (unsigned m = 0; m < matrices; ++m) {
            unsigned char* const* const to = &exchange.row[m * rows];
            block.counters.store_matrix_wavefronts += wavefronts(to);
            for (unsigned i = 0; i < rows; ++i) std::memcpy(to[i], &exchange.r[m][i * 4], row_bytes);
        }
    });
}

} // namespace dra::simt
