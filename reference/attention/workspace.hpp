#pragma once
/// \file
/// The memory of a run, and of a run of the gradients, sized by their plan.

#include "reference/attention/opaque_memory.hpp"
#include "reference/attention/plan.hpp"

namespace dra {

/// Memory for runs of one plan, one at a time: packed keys and values of a wave of views, and panels of queries for
/// every thread. Independent of N once the waves are full. float and double.
template <class T> class Workspace {
public:
    /// Allocates all of it, and starts the team of the calling thread, in which OpenMP would allocate too.
    explicit Workspace(const Plan& plan);

    struct Memory;
    Memory& memory() { return *memory_; }

private:
    OpaqueMemory<Memory> memory_;
};

/// Memory for runs of the gradients of one plan, one at a time: packed keys and values of a wave of views, dk and dv of
/// its parts, panels of queries for every thread, and delta of every row. float and double.
template <class T> class GradientWorkspace {
public:
    /// Allocates all of it, and starts the team of the calling thread.
    explicit GradientWorkspace(const Plan& plan);

    struct Memory;
    Memory& memory() { return *memory_; }

private:
    OpaqueMemory<Memory> memory_;
};

} // namespace dra
