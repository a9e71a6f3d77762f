#include "cuda/simt/emulator/memory.hpp"

#include "cuda/simt/emulator/block.hpp"
#include "cuda/simt/emulator/keywords.hpp"

namespace dra::simt {
namespace machine {
namespace {

void check_alignment(Block& block, const void* address, std::size_t bytes, Site site) {
    if (reinterpret_cast<std::uintptr_t>(address) % bytes != 0)
        block.fail(FaultKind::misaligned,
                   "global memory: " + std::to_string(bytes) + " bytes at an address that is no multiple of it", site);
}

void log(Block& block, Traffic traffic, const void* address, std::size_t bytes, Site site) {
    if (block.config().count_requests)
        block.warp().log.record(traffic, site, block.lane().number % warp_size, address,
                                static_cast<std::uint32_t>(bytes));
}

} // namespace

void touch_global(Access access, const void* address, std::size_t bytes, Site site) {
    const sanitizers::Quiet quiet;
    Block& block = Block::current();
    block.lane().site = site;
    block.check_global(address, bytes, site);
    check_alignment(block, address, bytes, site);
    ++(access == Access::load ? block.counters.loads : block.counters.stores);
    log(block, access == Access::load ? Traffic::load : Traffic::store, address, bytes, site);
}

void touch_shared(Access access, const void* address, std::size_t bytes, Site site) {
    const sanitizers::Quiet quiet;
    Block& block = Block::current();
    block.lane().site = site;
    block.check_shared(address, bytes, bytes, access == Access::load ? "shared_load" : "shared_store", site);
    ++(access == Access::load ? block.counters.shared_loads : block.counters.shared_stores);
    log(block, access == Access::load ? Traffic::shared_load : Traffic::shared_store, address, bytes, site);
    if (access == Access::store) block.generic_writes.write(block.shared.offset(address), bytes, block.lane());
}

void touch_atomic(const void* address, std::size_t bytes, Site site) {
    const sanitizers::Quiet quiet;
    Block& block = Block::current();
    block.lane().site = site;
    ++block.counters.atomics;
    if (block.shared.contains(address, bytes)) return block.check_shared(address, bytes, bytes, "atomic", site);
    block.check_global(address, bytes, site);
    check_alignment(block, address, bytes, site);
}

} // namespace machine

unsigned char* dynamic_shared_memory() { return machine::Block::current().shared.data(); }

void count_pairs(unsigned long long pairs) { machine::Block::current().counters.visible_pairs += pairs; }
void count_flops(unsigned long long flops) { machine::Block::current().counters.scalar_flops += flops; }

std::uint32_t ptx::shared_address(const void* shared) {
    const machine::SharedMemory& memory = machine::Block::current().shared;
    return static_cast<std::uint32_t>(memory.offset(shared)) + machine::SharedMemory::window;
}

} // namespace dra::simt
