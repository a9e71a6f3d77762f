#pragma once
/// \file
/// Fix 4, the duplicate methods. It teaches that copies of one function are never equal: they differ where nobody
/// looks, at the edges.
///
/// The report: "Consolidated redundant attention methods ... created single unified method ... consistent behavior".
/// The class: four functions, then one that the others delegate to, beside an online-softmax path of its own; 22
/// functions became 25, results stayed bitwise equal, the time did not change, and the backends still disagreed.
///
/// With `chunk_offset` > 0, where keys are numbered from 0 in a chunk that starts there, a row should see `row >= col +
/// offset`:
///
/// | rung       | method                     | sees at offset > 0  |                       | called for             |
/// |------------|----------------------------|---------------------|-----------------------|------------------------|
/// | before     | simple_attention           | row >= col          | offset ignored        | one rank, causal       |
/// | before     | compute_attention_chunk    | everything          | defect `mask-dropped` | one rank, not causal   |
/// | before     | compute_attention_standard | row >= col + offset | right                 | many ranks, not causal |
/// | both       | online_softmax_attention   | row + offset >= col | defect `mask-sign`    | many ranks             |
/// | after      | compute_attention          | everything          | defect `mask-dropped` | one rank               |
/// | principled | attend, and merge          | row >= col + offset | positions are global  | everything             |
///
/// Repaired: nothing here. The pipeline passes original positions, or a mask made of them, and offset 0, where all
/// agree: no cost. Every method is its own copy of the panel loop over the same kernel; online_softmax_attention
/// combines by its own formula too. The offset moves the positions of extents; a call with a dense mask has them in its
/// mask, and passes 0.

#include "reference/published/attend_call.hpp"

namespace dra::published::fix_4 {

/// The methods of the class, each with what it sees at an offset above 0.
template <class T> void simple_attention(const AttendCall<T>& call, Partial<T> into, Combine combine);
template <class T> void compute_attention_chunk(const AttendCall<T>& call, Partial<T> into, Combine combine);
template <class T> void compute_attention_standard(const AttendCall<T>& call, Partial<T> into, Combine combine);
template <class T> void online_softmax_attention(const AttendCall<T>& call, Partial<T> into, Combine combine);

/// The unified method of the published fix: its flash backend came first.
template <class T> void compute_attention(const AttendCall<T>& call, Partial<T> into, Combine combine);

/// Panels of rows on all cores, stored or merged; right for every offset.
template <class T> void attend(const AttendCall<T>& call, Partial<T> into, Combine combine);

/// The method that the rung picks, by the number of ranks and causality.
template <class T> Method<T> method(Rung rung, Index ranks, bool causal);

} // namespace dra::published::fix_4
