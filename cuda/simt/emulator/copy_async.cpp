#include "cuda/simt/emulator/block.hpp"
#include "cuda/simt/emulator/ptx_matrix.hpp"

#include <cstring>

namespace dra::simt {

/// The earliest moment at which the hardware may write the destination: from here on it holds NaN.
void ptx::copy_async_16(void* shared, const void* global, int bytes, Site site) {
    using namespace machine;
    Block& block = Block::current();
    {
        const sanitizers::Quiet quiet;
        block.lane().site = site;
        block.check_shared(shared, 16, 16, "cp.async", site);
        if (bytes < 0 || bytes > 16)
            block.fail(FaultKind::out_of_bounds, "cp.async of " + std::to_string(bytes) + " bytes, of 16", site);
        if (bytes > 0) {
            block.check_global(global, static_cast<std::size_t>(bytes), site);
            if (reinterpret_cast<std::uintptr_t>(global) % 16 != 0)
                block.fail(FaultKind::misaligned, "cp.async reads from an address that is no multiple of 16", site);
            if (block.config().count_requests)
                block.warp().log.record(Traffic::async_copy, site, block.lane().number % warp_size, global, 16);
        }
        ++block.counters.async_copies;
    }
    sanitizers::write(shared, 16, __builtin_return_address(0));
    if (bytes > 0) sanitizers::read(global, static_cast<std::size_t>(bytes), __builtin_return_address(0));
    const sanitizers::Quiet quiet;
    if (block.config().poison) std::memset(shared, poison_byte, 16);
    block.lane().copies.add(
        {static_cast<unsigned char*>(shared), static_cast<const unsigned char*>(global), bytes, site});
}

void ptx::copy_async_commit(Site site) {
    const machine::sanitizers::Quiet quiet;
    machine::Lane& lane = machine::Block::current().lane();
    lane.site = site;
    lane.copies.commit();
}

/// The latest moment at which the data may arrive.
void machine::copy_async_wait(int groups, Site site) {
    Block& block = Block::current();
    Lane& lane = block.lane();
    lane.site = site;
    const auto deliver = [&, caller = __builtin_return_address(0)](const AsyncCopy& copy) {
        sanitizers::write(copy.to, 16, caller);
        const sanitizers::Quiet quiet;
        std::memset(copy.to, 0, 16);
        if (copy.bytes > 0) std::memcpy(copy.to, copy.from, static_cast<std::size_t>(copy.bytes));
        block.generic_writes.write(block.shared.offset(copy.to), 16, lane);
    };
    lane.copies.wait(static_cast<std::size_t>(groups), deliver);
}

} // namespace dra::simt
