#pragma once
/// \file
/// Fibers: stacks that one OS thread switches between, by Boost.Context's raw jump, about 10 ns each.

#include <boost/context/detail/fcontext.hpp>

#include <cstddef>

namespace dra::simt::machine {

/// Memory for one fiber, between a guard page below and nothing above: overflow is a crash, not a corruption.
class Stack {
public:
    /// `number` moves the first frame by some cache lines. Stacks that all began at the same offset of a page would
    /// share a few sets of the L1 cache.
    Stack(std::size_t bytes, unsigned number);
    ~Stack();
    Stack(Stack&& other) noexcept;
    Stack& operator=(Stack&&) = delete;

    unsigned char* bottom() const { return bottom_; }
    std::size_t bytes() const { return bytes_; }

private:
    unsigned char* bottom_; // where what may be used begins; the guard page lies below
    std::size_t bytes_, mapped_;
};

/// A flow of control that can stop anywhere and go on later.
///
/// switch_to() stops the one and goes on with the other, without a scheduler between them.
class Fiber {
public:
    using Entry = void (*)();

    Fiber(); ///< the calling OS thread's own flow, on its own stack

    /// A fiber that begins with entry() on the stack at the first switch to it, and calls it again whenever it returns.
    /// A fiber never ends: its last switch away is just not answered. (Starting anew would cost AddressSanitizer a
    /// stack of its own each time.)
    Fiber(const Stack& stack, Entry entry);
    ~Fiber();
    Fiber(const Fiber&) = delete;

    /// Switches from this fiber, on which it is called, to `next`. Returns when somebody switches back.
    void switch_to(Fiber& next);

private:
    static void enter(boost::context::detail::transfer_t from);

    boost::context::detail::fcontext_t context_ = nullptr;
    Entry entry_ = nullptr;
    const void* bottom_ = nullptr;
    std::size_t bytes_ = 0;
    [[maybe_unused]] void* fake_stack_ = nullptr; // AddressSanitizer's, while the fiber is stopped
    [[maybe_unused]] void* watched_ = nullptr;    // ThreadSanitizer's thread
    [[maybe_unused]] bool owns_watched_ = false;
};

} // namespace dra::simt::machine
