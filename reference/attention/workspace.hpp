#pragma once
/// \file
/// The memory of a run, and of a run of the gradients, sized by their plan.

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

/// Memory for runs of the gradients of one plan, one at a time: packed keys and values of a wave of views, dk and dv of
/// its parts, panels of queries for every thread, and delta of every row. float and double.
template <class T> class GradientWorkspace {
public:
    /// Allocates all of it, and starts the team of the calling thread.
    explicit GradientWorkspace(const Plan& plan);
    ~GradientWorkspace();
    GradientWorkspace(GradientWorkspace&&) noexcept;
    GradientWorkspace& operator=(GradientWorkspace&&) noexcept;

    struct Memory; ///< laid out for the target of the library, so it is not seen from outside
    Memory& memory() { return *memory_; }

private:
    std::unique_ptr<Memory> memory_;
};

} // namespace dra
