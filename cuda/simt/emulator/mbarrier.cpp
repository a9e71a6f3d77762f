#include "cuda/simt/emulator/mbarrier.hpp"

#include "cuda/simt/emulator/block.hpp"
#include "cuda/simt/emulator/ptx_hopper.hpp"

namespace dra::simt {
namespace machine {
namespace {

constexpr std::uint64_t mark = 0x6D62617200000000, number_bits = 0xFFFFFFFF; // "mbar"
constexpr unsigned most_arrivals = (1u << 20) - 1;
constexpr std::int64_t most_bytes = (1 << 20) - 1;

} // namespace

void Mbarriers::add(std::uint64_t* address, unsigned arrivals, Site site) {
    Block& block = Block::current();
    block.check_shared(address, sizeof *address, sizeof *address, "mbarrier.init", site);
    if (arrivals == 0 || arrivals > most_arrivals)
        block.fail(FaultKind::barrier_misuse, "mbarrier.init for " + std::to_string(arrivals) + " arrivals", site);
    *address = mark | all_.size();
    all_.push_back({address, arrivals, arrivals, 0, 0, site, {}, {}});
}

Mbarrier& Mbarriers::at(const std::uint64_t* address, Site site) {
    Block& block = Block::current();
    block.check_shared(address, sizeof *address, sizeof *address, "mbarrier", site);
    const std::uint64_t number = *address & number_bits;
    if ((*address & ~number_bits) != mark || number >= all_.size() || all_[number].address != address)
        block.fail(FaultKind::barrier_misuse, "an mbarrier that was never initialised, or that was overwritten", site);
    return all_[number];
}

void Mbarriers::arrive(Mbarrier& barrier, Site site) {
    if (barrier.pending == 0)
        Block::current().fail(FaultKind::too_many_arrivals,
                              "phase " + std::to_string(barrier.phase) + " of an mbarrier has had all its " +
                                  std::to_string(barrier.arrivals) + " arrivals, and waits for " +
                                  std::to_string(barrier.bytes) + " bytes",
                              site, barrier.initialised);
    --barrier.pending;
    complete_if_all_here(barrier);
}

void Mbarriers::expect(Mbarrier& barrier, unsigned bytes, Site site) {
    barrier.bytes += bytes;
    if (barrier.bytes > most_bytes)
        Block::current().fail(FaultKind::barrier_misuse, "an mbarrier that waits for more than 2^20 - 1 bytes", site,
                              barrier.initialised);
}

void Mbarriers::deliver(const std::uint64_t* address, std::uint32_t bytes) {
    for (Mbarrier& barrier : all_) {
        if (barrier.address != address) continue;
        barrier.bytes -= bytes;
        complete_if_all_here(barrier);
    }
}

void Mbarriers::complete_if_all_here(Mbarrier& barrier) {
    if (barrier.pending > 0 || barrier.bytes != 0) return;
    barrier.pending = barrier.arrivals;
    ++barrier.phase;
    Block::current().schedule.wake(barrier.waiting);
}

} // namespace machine

namespace ptx {

using machine::Block;
using machine::Mbarrier;
using machine::sanitizers::Quiet;

void barrier_init(std::uint64_t* barrier, unsigned arrivals, Site site) {
    {
        const Quiet quiet;
        Block& block = Block::current();
        block.lane().site = site;
        block.mbarriers.add(barrier, arrivals, site);
    }
    machine::sanitizers::write(barrier, sizeof *barrier, __builtin_return_address(0));
}

/// It includes the proxy fence, as on silicon.
void barrier_fence_init(Site site) { fence_proxy_async(site); }

void barrier_arrive(std::uint64_t* barrier, Site site) {
    machine::sanitizers::read(barrier, sizeof *barrier, __builtin_return_address(0));
    Block& block = Block::current();
    Mbarrier& object = block.mbarriers.at(barrier, site);
    machine::sanitizers::release(object.edges[object.phase % 2]);
    const Quiet quiet;
    block.lane().site = site;
    ++block.counters.barrier_arrivals;
    block.mbarriers.arrive(object, site);
}

void barrier_arrive_expect(std::uint64_t* barrier, unsigned bytes, Site site) {
    {
        const Quiet quiet;
        Block& block = Block::current();
        block.mbarriers.expect(block.mbarriers.at(barrier, site), bytes, site);
    }
    barrier_arrive(barrier, site);
}

void barrier_wait(std::uint64_t* barrier, unsigned parity, Site site) {
    machine::sanitizers::read(barrier, sizeof *barrier, __builtin_return_address(0));
    Block& block = Block::current();
    block.lane().site = site;
    Mbarrier& object = block.mbarriers.at(barrier, site);
    {
        const Quiet quiet;
        ++block.counters.barrier_waits;
        while (object.phase % 2 == parity % 2) {
            object.waiting.add(block.lane().number);
            block.suspend("barrier_wait", site);
        }
    }
    machine::sanitizers::acquire(object.edges[parity % 2]);
}

int barrier_test(std::uint64_t* barrier, unsigned parity, Site site) {
    machine::sanitizers::read(barrier, sizeof *barrier, __builtin_return_address(0));
    const Quiet quiet;
    Block& block = Block::current();
    block.lane().site = site;
    return block.mbarriers.at(barrier, site).phase % 2 != parity % 2;
}

void fence_proxy_async(Site site) {
    Block& block = Block::current();
    block.lane().site = site;
    block.generic_writes.fence(block.lane());
}

} // namespace ptx
} // namespace dra::simt
