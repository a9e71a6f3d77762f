#pragma once
/// \file
/// The memory of a run, sized by its plan.

#include "reference/attention/plan.hpp"

#include <memory>

namespace dra {

/// Memory for runs of one plan, one at a time: packed keys and values of a wave of views, and panels of queries for
/// every thread. Independent of N once the waves are full. float and double.
template <class T> class Workspace {
public:
    /// Allocates all of it, and starts the team of the calling thread, in which OpenMP would allocate too.
    explicit Workspace(const Plan& plan);
    ~Workspace();
    Workspace(Workspace&&) noexcept;
    Workspace& operator=(Workspace&&) noexcept;

    struct Memory; ///< laid out for the target of the library, so it is not seen from outside
    Memory& memory() { return *memory_; }

private:
    std::unique_ptr<Memory> memory_;
};

} // namespace dra
