#pragma once
/// \file
/// Opportunity 6, the memory pool. It teaches that an allocator is a pool already, and that what beats both is to know
/// beforehand how much will be needed.
///
/// The report: "Memory Pool Optimization: better buffer reuse strategies". Upstream measured a pool of its own later:
/// 3.37 -> 3.07 ms at 8 MB, with 6.07 times the memory, and 14.23 -> 15.77 ms at 32 MB.
///
/// | rung       | a temporary is                               | kept between calls                          |
/// |------------|----------------------------------------------|---------------------------------------------|
/// | before     | allocated and freed                          | nothing                                     |
/// | after      | taken from lists of powers of two bytes      | the most of each size, rounded up           |
/// | principled | the next part of one block, sized by a plan  | the largest view's temporaries, and no more |
///
/// The temporaries are those of attention of copied rows (copied_rows.hpp): k and v of a view; q, o and l of each of
/// its query heads. Who attends views in place needs none of them (fix 2), and the engine's own memory is a Workspace.
/// Nothing to repair: memory has no values.

#include "reference/published/copied_rows.hpp"

#include <map>

namespace dra::published::opportunity_6 {

/// The published kind of pool: lists by size, powers of two bytes; a list grows when it is empty, and nothing is freed.
template <class T> class Pool final : public Memory<T> {
public:
    T* take(Index elements) override;
    void give_back(T* block, Index elements) override;
    Index bytes_kept() const override { return bytes_; }

private:
    static Index size_class(Index elements); ///< the bytes of the block that is taken for so many

    std::vector<std::unique_ptr<T[]>> blocks_;
    std::map<Index, std::vector<T*>> free_; ///< the free blocks of each size class
    Index bytes_ = 0;
};

/// The rung's memory. A principled one is sized for the temporaries of the problem's largest view.
template <class T> std::unique_ptr<Memory<T>> memory(Rung rung, const Problem& problem);

/// Attention of copied rows, its temporaries from the rung's memory.
template <class T> Call<T> call(Rung rung, const Problem& problem);

/// The temporaries of one call alone: taken, first touched once per page, and given back. float and double.
template <class T> void take_all(const Problem& problem, Memory<T>& memory);

/// Whether temporaries that are alive at once have nothing in common: each is filled, and read again at the end.
template <class T> bool keeps_apart(const Problem& problem, Memory<T>& memory);

} // namespace dra::published::opportunity_6
