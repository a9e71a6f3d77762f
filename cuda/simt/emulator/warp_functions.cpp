#include "cuda/simt/emulator/warp_functions.hpp"

#include "cuda/simt/emulator/block.hpp"

namespace dra::simt {

void __syncwarp(unsigned mask, Site site) {
    machine::Block& block = machine::Block::current();
    machine::Warp& warp = block.warp();
    char& edge = warp.edges[warp.turn];
    machine::sanitizers::release(edge);
    {
        const machine::sanitizers::Quiet quiet;
        block.meet("__syncwarp", mask, site, [&] {
            warp.turn ^= 1;
            ++block.counters.syncwarps;
        });
    }
    machine::sanitizers::acquire(edge);
}

namespace machine {

std::uint64_t shuffle(unsigned mask, std::uint64_t value, unsigned source_lane, Site site) {
    const sanitizers::Quiet quiet;
    Block& block = Block::current();
    Exchange& exchange = block.warp().exchange;
    const unsigned me = block.lane().number % warp_size;
    if (!(mask >> source_lane & 1))
        block.fail(FaultKind::warp_divergence,
                   "a shuffle reads lane " + std::to_string(source_lane) + ", which its mask does not name", site);
    exchange.value[me] = value;
    exchange.source[me] = source_lane;
    block.meet("shuffle", mask, site, [&] {
        ++block.counters.shuffles;
        const std::array<std::uint64_t, 32> given = exchange.value;
        for (unsigned lane = 0; lane < warp_size; ++lane)
            if (mask >> lane & 1) exchange.value[lane] = given[exchange.source[lane]];
    });
    return exchange.value[me];
}

unsigned ballot(unsigned mask, bool predicate, Site site) {
    const sanitizers::Quiet quiet;
    Block& block = Block::current();
    Exchange& exchange = block.warp().exchange;
    const unsigned me = block.lane().number % warp_size;
    exchange.value[me] = predicate;
    block.meet("vote", mask, site, [&] {
        ++block.counters.votes;
        std::uint32_t votes = 0;
        for (unsigned lane = 0; lane < warp_size; ++lane)
            if (mask >> lane & 1) votes |= static_cast<std::uint32_t>(exchange.value[lane]) << lane;
        for (unsigned lane = 0; lane < warp_size; ++lane)
            if (mask >> lane & 1) exchange.value[lane] = votes;
    });
    return static_cast<unsigned>(exchange.value[me]);
}

} // namespace machine
} // namespace dra::simt
