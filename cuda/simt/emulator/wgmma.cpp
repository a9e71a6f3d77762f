/// \file
/// wgmma: issued by 128 threads together, delivered when they wait.

#include "cuda/simt/emulator/block.hpp"
#include "cuda/simt/emulator/product.hpp"
#include "cuda/simt/emulator/ptx_hopper.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

namespace dra::simt {
namespace machine {
namespace {

static_assert(depth == product_depth);
constexpr std::size_t chunk_bytes = 16;
constexpr int chunk_elements = 8, atom_rows = 8, row_bytes = 128, row_elements = 64;
constexpr std::size_t atom_bytes = atom_rows * row_bytes;

/// A matrix descriptor, decoded; cuda/simt/matrix_descriptor.hpp says what its bits are.
struct Descriptor {
    std::size_t address, leading, stride;

    explicit Descriptor(std::uint64_t bits)
        : address((bits & 0x3FFF) << 4), leading((bits >> 16 & 0x3FFF) << 4), stride((bits >> 32 & 0x3FFF) << 4) {}

    /// Offsets in shared memory, before the swizzle, of 8 elements along the row: of k for K-major matrices, of the
    /// columns for MN-major ones.
    std::size_t k_major(int row, int k) const {
        return address + static_cast<std::size_t>(row / atom_rows) * stride +
               static_cast<std::size_t>(row % atom_rows * row_bytes + k * 2);
    }
    std::size_t mn_major(int k, int column) const {
        return address + static_cast<std::size_t>(k / atom_rows) * stride +
               static_cast<std::size_t>(column / row_elements) * leading +
               static_cast<std::size_t>(k % atom_rows * row_bytes + column % row_elements * 2);
    }
};

void check_descriptor(const Block& block, std::uint64_t bits, Site site) {
    if (bits >> 62 != 1)
        block.fail(FaultKind::bad_descriptor, "a matrix descriptor without the 128-byte swizzle, the only one emulated",
                   site);
    if (bits >> 49 & 7) block.fail(FaultKind::bad_descriptor, "a matrix descriptor with a base offset", site);
    const std::size_t in_atom = Descriptor(bits).address % atom_bytes;
    if (in_atom >= row_bytes)
        block.fail(FaultKind::misaligned,
                   "a matrix descriptor that begins at byte " + std::to_string(in_atom) +
                       " of a swizzle atom of 1024; it must lie in the atom's first row",
                   site);
}

/// Calls visit(offset, row or k, column or k) for every 16 bytes of a matrix of `rows` rows of A, or columns of B.
template <class Visit> void for_each_chunk(std::uint64_t bits, int rows, bool mn_major, Visit&& visit) {
    const Descriptor descriptor(bits);
    if (mn_major) {
        for (int k = 0; k < depth; ++k)
            for (int column = 0; column < rows; column += chunk_elements)
                visit(descriptor.mn_major(k, column) - SharedMemory::window, k, column);
    } else {
        for (int row = 0; row < rows; ++row)
            for (int k = 0; k < depth; k += chunk_elements)
                visit(descriptor.k_major(row, k) - SharedMemory::window, row, k);
    }
}

/// The matrix as it lies, (rows, 16) K-major or (16, rows) MN-major, as floats.
void read_matrix(const Block& block, float* to, std::uint64_t bits, int rows, bool mn_major, Format format, Site site) {
    const int width = mn_major ? rows : depth;
    for_each_chunk(bits, rows, mn_major, [&](std::size_t offset, int i, int j) {
        const unsigned char* from = block.shared.data() + SharedMemory::swizzled(offset);
        if (!block.shared.contains(from, chunk_bytes))
            block.fail(FaultKind::out_of_bounds,
                       "wgmma reads byte " + std::to_string(offset) + " of " + std::to_string(block.shared.bytes()) +
                           " bytes of shared memory",
                       site);
        std::uint16_t elements[chunk_elements];
        std::memcpy(elements, from, chunk_bytes);
        widen(to + i * width + j, elements, chunk_elements, format);
    });
}

/// Where thread t's register i of D lies: row 16 (t / 32) + (t % 32) / 4 + 8 (i / 2 % 2), column
/// 8 (i / 4) + 2 (t % 4) + i % 2.
std::size_t position(unsigned thread, int i, int columns) {
    const unsigned row = thread / 32 * 16 + thread % 32 / 4 + static_cast<unsigned>(i / 2 % 2 * 8);
    return row * static_cast<std::size_t>(columns) + static_cast<std::size_t>(i / 4 * 8 + i % 2) + thread % 4 * 2;
}

/// The registers of D, taken from the threads unless products into them are under way already.
Accumulator& accumulator(const Block& block, Warpgroup& group, Site site) {
    const WarpgroupProduct& mine = group.products[0];
    for (Accumulator& open : group.accumulators) {
        const float *begin = open.registers[0], *end = begin + open.columns / 2;
        if (mine.d + mine.columns / 2 <= begin || end <= mine.d) continue;
        if (begin != mine.d || open.columns != mine.columns)
            block.fail(FaultKind::accumulator_in_flight,
                       "wgmma writes registers that overlap those of another shape under way", site, open.site);
        return open;
    }
    Accumulator& fresh = group.accumulators.emplace_back(Accumulator{
        {}, mine.columns, 0, site, std::vector<float>(warpgroup_rows * static_cast<std::size_t>(mine.columns))});
    for (unsigned t = 0; t < warpgroup_size; ++t) {
        float* d = group.products[t].d;
        fresh.registers[t] = d;
        for (int i = 0; i < mine.columns / 2; ++i) fresh.d[position(t, i, mine.columns)] = d[i];
        if (block.config().poison)
            std::memset(d, poison_byte, static_cast<std::size_t>(mine.columns / 2) * sizeof(float));
    }
    return fresh;
}

void issue(Block& block, Warpgroup& group, Site site) {
    const WarpgroupProduct& mine = group.products[0];
    if (!group.fenced)
        block.fail(FaultKind::missing_fence, "wgmma without wgmma_fence() since the registers were last waited for",
                   site);
    for (const WarpgroupProduct& other : group.products)
        if (other.b != mine.b || other.a != mine.a || other.accumulate != mine.accumulate)
            block.fail(FaultKind::bad_descriptor, "threads of a warpgroup give wgmma different descriptors", site);
    check_descriptor(block, mine.b, site);
    if (!mine.a_registers) check_descriptor(block, mine.a, site);
    if (block.generic_writes.any()) {
        const auto check = [&](std::size_t offset, int, int) {
            block.generic_writes.check_async_read(SharedMemory::swizzled(offset), chunk_bytes, block.lane(), "wgmma");
        };
        for_each_chunk(mine.b, mine.columns, mine.transpose_b, check);
        if (!mine.a_registers) for_each_chunk(mine.a, warpgroup_rows, false, check);
    }
    ++accumulator(block, group, site).products;
    PendingProduct& pending = group.pending.emplace_back(PendingProduct{mine, {}, site});
    if (mine.a_registers)
        for (unsigned t = 0; t < warpgroup_size; ++t)
            std::memcpy(pending.a[t].data(), group.products[t].a_registers, sizeof pending.a[t]);
    ++block.counters.wgmma_instructions;
    block.counters.tensor_flops += 2ull * warpgroup_rows * depth * static_cast<unsigned>(mine.columns);
}

/// The operands of a product, widened. On the heap: a shared object that is opened late has few bytes for its threads.
struct Operands {
    float A[warpgroup_rows][depth], B[depth * 256], transposed[depth * 256];
};

/// Operands are read, and the product is added. The registers get it when nothing into them is under way any more.
void retire(Block& block, Warpgroup& group, const PendingProduct& pending) {
    const WarpgroupProduct& product = pending.product;
    const int columns = product.columns;
    static thread_local const auto kept = std::make_unique<Operands>();
    auto& [A, B, transposed] = *kept;
    if (product.a_registers) { // as in mma_m16n8k16, 16 rows per warp
        for (unsigned t = 0; t < warpgroup_size; ++t)
            for (unsigned i = 0; i < 4; ++i) {
                const std::uint16_t halves[2] = {static_cast<std::uint16_t>(pending.a[t][i]),
                                                 static_cast<std::uint16_t>(pending.a[t][i] >> 16)};
                const unsigned row = t / 32 * 16 + t % 32 / 4 + 8 * (i & 1), k = t % 4 * 2 + 8 * (i >> 1);
                widen(&A[row][k], halves, 2, product.format);
            }
    } else {
        read_matrix(block, A[0], product.a, warpgroup_rows, false, product.format, pending.site);
    }
    read_matrix(block, product.transpose_b ? B : transposed, product.b, columns, product.transpose_b, product.format,
                pending.site);
    if (!product.transpose_b)
        for (int n = 0; n < columns; ++n)
            for (int k = 0; k < depth; ++k) B[k * columns + n] = transposed[n * depth + k];

    const auto into = std::find_if(group.accumulators.begin(), group.accumulators.end(),
                                   [&](const Accumulator& open) { return open.registers[0] == product.d; });
    if (!product.accumulate) std::fill(into->d.begin(), into->d.end(), 0.f);
    multiply_add(into->d.data(), A[0], B, warpgroup_rows, columns);
    if (--into->products > 0) return;
    for (unsigned t = 0; t < warpgroup_size; ++t)
        for (int i = 0; i < columns / 2; ++i) into->registers[t][i] = into->d[position(t, i, columns)];
    group.accumulators.erase(into);
}

} // namespace

void wgmma(const WarpgroupProduct& product, Site site) {
    const sanitizers::Quiet quiet;
    Block& block = Block::current();
    block.lane().site = site;
    Warpgroup& group = block.warpgroup();
    group.products[block.lane().number % warpgroup_size] = product;
    block.meet_warpgroup("wgmma", site, [&] { issue(block, group, site); });
}

void wgmma_wait(int groups, Site site) {
    const sanitizers::Quiet quiet;
    Block& block = Block::current();
    block.meet_warpgroup("wgmma_wait", site, [&] {
        Warpgroup& group = block.warpgroup();
        group.fenced = false;
        const auto most = static_cast<std::size_t>(groups);
        if (group.group_ends.size() <= most) return;
        const std::size_t done = group.group_ends.size() - most, count = group.group_ends[done - 1];
        for (std::size_t i = 0; i < count; ++i) retire(block, group, group.pending[i]);
        group.pending.erase(group.pending.begin(), group.pending.begin() + static_cast<std::ptrdiff_t>(count));
        group.group_ends.erase(group.group_ends.begin(), group.group_ends.begin() + static_cast<std::ptrdiff_t>(done));
        for (std::size_t& end : group.group_ends) end -= count;
    });
}

} // namespace machine

namespace ptx {

void wgmma_fence(Site site) {
    const machine::sanitizers::Quiet quiet;
    machine::Block& block = machine::Block::current();
    block.meet_warpgroup("wgmma_fence", site, [&] { block.warpgroup().fenced = true; });
}

void wgmma_commit(Site site) {
    const machine::sanitizers::Quiet quiet;
    machine::Block& block = machine::Block::current();
    block.meet_warpgroup("wgmma_commit", site, [&] {
        machine::Warpgroup& group = block.warpgroup();
        group.group_ends.push_back(group.pending.size());
    });
}

} // namespace ptx
} // namespace dra::simt
