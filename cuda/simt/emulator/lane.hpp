#pragma once
/// \file
/// A CUDA thread: its fiber, where it stands, and the copies that it has under way.

#include "cuda/simt/emulator/copy_groups.hpp"
#include "cuda/simt/emulator/fiber.hpp"
#include "cuda/simt/emulator/site.hpp"
#include "cuda/simt/emulator/tensor_map.hpp"
#include "cuda/simt/emulator/vector_types.hpp"

#include <cstdint>

namespace dra::simt::machine {

/// One cp.async.
struct AsyncCopy {
    unsigned char* to;
    const unsigned char* from;
    int bytes; ///< bytes that are read; the others of the 16 become zero
    Site site;
};

/// One box between global and shared memory. The map is copied when issued: a kernel's parameters end with its fiber.
struct BoxCopy {
    TensorMap map;
    int at[5];
    unsigned char* shared;
    Site site;
};

/// A CUDA thread.
struct Lane {
    Lane(unsigned number_, std::size_t stack_bytes, Fiber::Entry entry)
        : number(number_), stack(stack_bytes, number_), fiber(stack, entry) {}

    unsigned number; ///< its number in the block
    uint3 index{};   ///< its threadIdx
    Stack stack;
    Fiber fiber;
    bool started = false, finished = false;

    Site site;                       ///< where its last instruction stands
    const char* waits_for = nullptr; ///< the instruction that it waits in; null: it does not wait

    CopyGroups<AsyncCopy> copies;
    CopyGroups<BoxCopy> stores;
    std::uint32_t last_proxy_fence = 0; ///< the time of its last fence_proxy_async(), by GenericWrites' clock
};

} // namespace dra::simt::machine
