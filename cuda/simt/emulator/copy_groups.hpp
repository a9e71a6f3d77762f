#pragma once
/// \file
/// Copies that a thread has started, in groups that it closes and later waits for.

#include <cstddef>
#include <vector>

namespace dra::simt::machine {

/// The groups of one thread.
template <class Copy> class CopyGroups {
public:
    void add(const Copy& copy) { copies_.push_back(copy); }

    /// Closes the group of everything added since the last one; it may be empty.
    void commit() { ends_.push_back(copies_.size()); }

    /// Completes the oldest groups until at most `most` are left, calling deliver(copy) in order.
    template <class Deliver> void wait(std::size_t most, Deliver&& deliver) {
        if (ends_.size() <= most) return;
        const std::size_t groups = ends_.size() - most, count = ends_[groups - 1];
        for (std::size_t i = 0; i < count; ++i) deliver(copies_[i]);
        copies_.erase(copies_.begin(), copies_.begin() + static_cast<std::ptrdiff_t>(count));
        ends_.erase(ends_.begin(), ends_.begin() + static_cast<std::ptrdiff_t>(groups));
        for (std::size_t& end : ends_) end -= count;
    }

    /// Whether copies were added since the last commit().
    bool has_open() const { return copies_.size() > (ends_.empty() ? 0 : ends_.back()); }
    bool empty() const { return copies_.empty(); }
    const Copy& last() const { return copies_.back(); }
    void clear() {
        copies_.clear();
        ends_.clear();
    }

private:
    std::vector<Copy> copies_;
    std::vector<std::size_t> ends_; // where in copies_ the closed groups end
};

} // namespace dra::simt::machine
