#pragma once
/// \file
/// One view to one partial: the unified compute method.
///
/// Everything that computes attention in this library is `attend` on strided views, and everything that combines is
/// `merge`.

#include "reference/attention/opaque_memory.hpp"
#include "reference/attention/partial.hpp"
#include "reference/definition/dropout.hpp"
#include "reference/definition/visibility.hpp"

#include <span>

namespace dra {

/// Memory that calls of attend share, so that later ones allocate nothing: packed K and V, and what a panel needs. It
/// grows to the largest view that it has met. One thread at a time. float and double.
template <class T> class AttendWorkspace {
public:
    AttendWorkspace();

    struct Memory;
    Memory& memory() { return *memory_; }

private:
    OpaqueMemory<Memory> memory_;
};

/// One query head of a view: its rows, and where their partial goes.
template <class T> struct QueryHead {
    Rows<T> q;            ///< (m, D)
    Partial<T> into;      ///< m rows
    Dropout dropout = {}; ///< none by default
};

/// Attention of the head's rows q (m, D) over the keys that they see of k, v (n, D): out (m, D) and lse (m), stored in
/// head.into or merged with what is there.
///
///     out_i = sum_j softmax_j(scale q_i k_j) v_j,   lse_i = log sum_j e^(scale q_i k_j)   over the keys j that i sees
///
/// (online softmax: Milakov and Gimelshein, arXiv:1805.02867; Dao, arXiv:2307.08691, alg. 1).
///
/// `visibility` holds the positions of the m queries and n keys, in the order of the rows. Rows that see no key become
/// (0, -inf). Tiles that no row sees are not visited; tiles that all rows see do no causal work. 4 D FLOPs per visible
/// pair, plus those in tiles at the edge; memory for K and V packed once, no scores. One thread. A key that a row does
/// not see never reaches it, whatever it holds; rows that are not finite, and those in the tiles of a key that is not,
/// take many times as long. Instantiated for float and double.
template <class T> void attend(const QueryHead<T>& head, const Rows<T>& k, const Rows<T>& v,
                               const Visibility& visibility, T softmax_scale, Combine combine,
                               AttendWorkspace<T>& workspace);

/// The same of several query heads, which share k and v: packed once. Cost and rules are those of each.
template <class T> void attend(std::span<const QueryHead<T>> heads, const Rows<T>& k, const Rows<T>& v,
                               const Visibility& visibility, T softmax_scale, Combine combine,
                               AttendWorkspace<T>& workspace);

/// The same of one head, with a workspace of its own.
template <class T> void attend(const Rows<T>& q, const Rows<T>& k, const Rows<T>& v, const Visibility& visibility,
                               T softmax_scale, Partial<T> into, Combine combine = Combine::store);

} // namespace dra
