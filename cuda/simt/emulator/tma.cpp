#include "cuda/simt/emulator/tma.hpp"

#include "cuda/simt/emulator/block.hpp"
#include "cuda/simt/emulator/ptx_hopper.hpp"

#include <algorithm>
#include <cstring>

namespace dra::simt {
namespace machine {
namespace {

constexpr std::size_t chunk = 16; // what the swizzle moves

/// Where byte `offset` of a box lies in shared memory.
unsigned char* place(const Block& block, const BoxCopy& copy, std::size_t offset) {
    const std::size_t at = block.shared.offset(copy.shared) + offset;
    return block.shared.data() + (copy.map.swizzle_128 ? SharedMemory::swizzled(at) : at);
}

/// Checks a box, in the name of the thread that issues it, and counts it.
BoxCopy issue(Block& block, const TensorMap& map, void* shared, const int* coordinates, int rank,
              const char* instruction, Site site) {
    block.lane().site = site;
    if (rank != map.rank)
        block.fail(FaultKind::out_of_bounds,
                   std::string(instruction) + ": " + std::to_string(rank) + " coordinates of a tensor of rank " +
                       std::to_string(map.rank),
                   site);
    block.check_shared(shared, map.box_bytes(), 128, instruction, site);
    BoxCopy copy{map, {}, static_cast<unsigned char*>(shared), site};
    std::copy(coordinates, coordinates + rank, copy.at);
    block.counters.tensor_bytes += map.box_bytes();
    for_each_row(copy, [&](const BoxRow& row) {
        if (!row.global) return;
        block.check_global(row.global, row.bytes, site);
        const auto begin = reinterpret_cast<std::uintptr_t>(row.global);
        block.counters.tensor_sectors += (begin + row.bytes - 1) / 32 - begin / 32 + 1;
    });
    return copy;
}

/// Shared memory is read, and global memory written: not before the thread waits for the store.
void store_box(Block& block, const BoxCopy& copy) {
    std::vector<unsigned char> line(copy.map.box[0] * static_cast<std::size_t>(copy.map.element_bytes));
    for_each_row(copy, [&](const BoxRow& row) {
        if (!row.global) return;
        for (std::size_t i = 0; i < line.size(); i += chunk)
            std::memcpy(&line[i], place(block, copy, row.offset + i), chunk);
        std::memcpy(row.global, &line[row.skip], row.bytes);
    });
}

} // namespace

void Tma::deliver(std::size_t i) {
    const sanitizers::Quiet quiet;
    Block& block = Block::current();
    const BoxLoad load = under_way_[i];
    under_way_.erase(under_way_.begin() + static_cast<std::ptrdiff_t>(i));
    const BoxCopy& copy = load.copy;
    std::vector<unsigned char> line(copy.map.box[0] * static_cast<std::size_t>(copy.map.element_bytes));
    for_each_row(copy, [&](const BoxRow& row) {
        std::fill(line.begin(), line.end(), static_cast<unsigned char>(0));
        if (row.global) std::memcpy(&line[row.skip], row.global, row.bytes);
        for (std::size_t at = 0; at < line.size(); at += chunk)
            std::memcpy(place(block, copy, row.offset + at), &line[at], chunk);
    });
    block.mbarriers.deliver(load.barrier, copy.map.box_bytes());
}

void tensor_load(void* shared, const TensorMap& map, std::uint64_t* barrier, const int* coordinates, int rank,
                 Site site) {
    Block& block = Block::current();
    Mbarrier& object = block.mbarriers.at(barrier, site);
    {
        const sanitizers::Quiet quiet;
        block.tma.start({issue(block, map, shared, coordinates, rank, "tensor_load", site), barrier});
        ++block.counters.tensor_loads;
        block.generic_writes.overwritten(block.shared.offset(shared), map.box_bytes());
    }
    sanitizers::write(shared, map.box_bytes(), __builtin_return_address(0));
    sanitizers::release(object.edges[object.phase % 2]); // who waits for the barrier sees what was loaded
    const sanitizers::Quiet quiet;
    if (block.config().poison) std::memset(shared, poison_byte, map.box_bytes());
}

void tensor_store(const TensorMap& map, const void* shared, const int* coordinates, int rank, Site site) {
    Block& block = Block::current();
    sanitizers::read(shared, map.box_bytes(), __builtin_return_address(0));
    const sanitizers::Quiet quiet;
    auto* from = static_cast<unsigned char*>(const_cast<void*>(shared));
    for (int i = 0; i < rank; ++i) // seen on an H100: an illegal instruction, though loads take such boxes
        if (coordinates[i] < 0)
            block.fail(FaultKind::out_of_bounds,
                       "tensor_store: coordinate " + std::to_string(coordinates[i]) + " in dimension " +
                           std::to_string(i) + "; a store, unlike a load, must not begin before the tensor",
                       site);
    const BoxCopy copy = issue(block, map, from, coordinates, rank, "tensor_store", site);
    block.generic_writes.check_async_read(block.shared.offset(shared), map.box_bytes(), block.lane(), "tensor_store");
    ++block.counters.tensor_stores;
    block.lane().stores.add(copy);
}

void bulk_wait(int groups, Site site) {
    const sanitizers::Quiet quiet;
    Block& block = Block::current();
    block.lane().site = site;
    block.lane().stores.wait(static_cast<std::size_t>(groups), [&](const BoxCopy& copy) { store_box(block, copy); });
}

} // namespace machine

void ptx::bulk_commit(Site site) {
    const machine::sanitizers::Quiet quiet;
    machine::Lane& lane = machine::Block::current().lane();
    lane.site = site;
    lane.stores.commit();
}

} // namespace dra::simt
