#include "cuda/simt/emulator/barriers.hpp"

#include "cuda/simt/emulator/block.hpp"
#include "cuda/simt/emulator/ptx_hopper.hpp"
#include "cuda/simt/emulator/warp_functions.hpp"

#include <cstring>

namespace dra::simt {
namespace machine {
namespace {

/// Whether the calling thread was the last one; if so, everybody goes on.
bool arrive(Block& block, Barrier& barrier, unsigned threads, Site site) {
    if (barrier.arrived == 0) {
        barrier.threads = threads;
        barrier.first = site;
    }
    if (++barrier.arrived < threads) return false;
    barrier.arrived = 0;
    barrier.turn ^= 1;
    block.schedule.wake(barrier.waiting);
    return true;
}

void wait(Block& block, Barrier& barrier, const char* instruction, Site site) {
    barrier.waiting.add(block.lane().number);
    block.suspend(instruction, site);
}

Barrier& named_barrier(Block& block, int id, int threads, Site site) {
    if (id < 1 || id > 15)
        block.fail(FaultKind::barrier_misuse, "named barriers have ids from 1 to 15, not " + std::to_string(id), site);
    const auto number = static_cast<std::size_t>(id);
    Barrier& barrier = block.barriers[number];
    if (threads <= 0 || threads % 32 != 0 || static_cast<unsigned>(threads) > block.threads())
        block.fail(FaultKind::barrier_misuse,
                   "barrier " + std::to_string(id) + " for " + std::to_string(threads) +
                       " threads, which must be a multiple of 32 that the block has",
                   site);
    if (barrier.arrived > 0 && barrier.threads != static_cast<unsigned>(threads))
        block.fail(FaultKind::barrier_misuse,
                   "barrier " + std::to_string(id) + " for " + std::to_string(threads) + " threads here and " +
                       std::to_string(barrier.threads) + " there",
                   site, barrier.first);
    return barrier;
}

} // namespace
} // namespace machine

void __syncthreads(Site site) {
    using namespace machine;
    Block& block = Block::current();
    Barrier& barrier = block.barriers[0];
    char& edge = barrier.edges[barrier.turn];
    sanitizers::release(edge);
    {
        const sanitizers::Quiet quiet;
        block.lane().site = site;
        if (barrier.arrived > 0 && (barrier.first.line != site.line || std::strcmp(barrier.first.file, site.file) != 0))
            block.fail(FaultKind::barrier_divergence, "threads of a block are at different __syncthreads", site,
                       barrier.first);
        if (const Lane* exited = block.first_exited())
            block.fail(FaultKind::barrier_divergence, "__syncthreads waits for a thread that has exited", site,
                       exited->site);
        if (arrive(block, barrier, block.threads(), site)) {
            ++block.counters.syncthreads;
            for (Warp& warp : block.warps) warp.log.flush(block.counters);
        } else {
            wait(block, barrier, "__syncthreads", site);
        }
    }
    sanitizers::acquire(edge);
}

namespace ptx {

void named_barrier_sync(int id, int threads, Site site) {
    using namespace machine;
    Block& block = Block::current();
    Barrier& barrier = named_barrier(block, id, threads, site);
    char& edge = barrier.edges[barrier.turn];
    sanitizers::release(edge);
    {
        const sanitizers::Quiet quiet;
        block.lane().site = site;
        if (arrive(block, barrier, static_cast<unsigned>(threads), site))
            ++block.counters.named_barriers;
        else
            wait(block, barrier, "named_barrier_sync", site);
    }
    sanitizers::acquire(edge);
}

void named_barrier_arrive(int id, int threads, Site site) {
    using namespace machine;
    Block& block = Block::current();
    Barrier& barrier = named_barrier(block, id, threads, site);
    sanitizers::release(barrier.edges[barrier.turn]);
    const sanitizers::Quiet quiet;
    block.lane().site = site;
    if (arrive(block, barrier, static_cast<unsigned>(threads), site)) ++block.counters.named_barriers;
}

} // namespace ptx
} // namespace dra::simt
