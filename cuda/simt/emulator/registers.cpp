#include "cuda/simt/emulator/block.hpp"
#include "cuda/simt/emulator/ptx_hopper.hpp"

namespace dra::simt::machine {

/// A warp that asks for more than is free waits until others give some back, as on silicon.
///
/// How many registers the compiler gave the kernel is not known here: the most that its block size allows is assumed.
/// So an increase to fewer than that is no fault, but a decrease to more is, whatever the compiler chose.
void change_registers(int registers, bool increase, Site site) {
    const sanitizers::Quiet quiet;
    Block& block = Block::current();
    Warp& warp = block.warp();
    const auto wanted = static_cast<unsigned>(registers);
    const char* const name = increase ? "registers_increase" : "registers_decrease";
    block.meet(name, ~0u, site, [&] {
        ++block.counters.register_changes;
        if (!increase && wanted > warp.registers)
            block.fail(FaultKind::bad_registers,
                       "registers_decrease to " + std::to_string(wanted) + ", from at most " +
                           std::to_string(warp.registers),
                       site);
        if (wanted > warp.registers) return;
        block.free_registers += (warp.registers - wanted) * warp_size;
        warp.registers = wanted;
        block.schedule.wake(block.waiting_for_registers);
    });
    while (warp.registers != wanted) { // the first lane to find enough takes them for its warp
        const unsigned more = (wanted - warp.registers) * warp_size;
        if (more <= block.free_registers) {
            block.free_registers -= more;
            warp.registers = wanted;
        } else {
            block.waiting_for_registers.add(block.lane().number);
            block.suspend(name, site);
        }
    }
}

} // namespace dra::simt::machine
