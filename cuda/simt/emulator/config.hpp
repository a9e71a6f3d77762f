#pragma once
/// \file
/// The knobs of the emulator. They are read when a kernel starts; change them between launches.

#include <cstddef>
#include <cstdint>

namespace dra::simt {

/// Which of the runnable threads goes on.
enum class Order {
    ascending,  ///< the lowest
    descending, ///< the highest
    random,     ///< one drawn from the seed, with warps by turns or one warp running ahead of the others
};

/// The knobs, and what they stand at.
struct Config {
    Order order = Order::random;
    std::uint64_t seed = 1;              ///< seed of the schedule of threads, of deliveries by TMA and of streams
    int workers = 0;                     ///< OS threads that run blocks; 0: as many as there are cores
    bool poison = true;                  ///< NaN in shared memory at block start, and in what is in flight
    bool count_requests = true;          ///< requests, sectors and wavefronts of load, store and copies; costs time
    std::size_t stack_bytes = 64u << 10; ///< stack of every CUDA thread; four times that under sanitizers
    std::size_t memory_limit = std::size_t(2) << 30; ///< bytes that cudaMalloc gives in all
    int multiprocessors = 4; ///< what the device says it has: persistent kernels launch so many blocks
};

/// The configuration of this process.
Config& config();

} // namespace dra::simt
