#pragma once
/// \file
/// Fix 4 on a device: the launch paths. It teaches that copies of one function are never equal, and that a kernel which
/// gives (out, lse) needs one path, for everything else is a merge.
///
/// With `chunk_offset` > 0, where keys are numbered from 0 in a chunk that starts there, a row should see `row >= col +
/// offset`:
///
/// | rung       | path                       | sees at offset > 0  |                       | launched for           |
/// |------------|----------------------------|---------------------|-----------------------|------------------------|
/// | before     | simple_attention           | row >= col          | offset ignored        | one rank, causal       |
/// | before     | compute_attention_chunk    | everything          | defect `mask-dropped` | one rank, not causal   |
/// | before     | compute_attention_standard | row >= col + offset | right                 | many ranks, not causal |
/// | both       | online_softmax_attention   | row + offset >= col | defect `mask-sign`    | many ranks             |
/// | after      | compute_attention          | everything          | defect `mask-dropped` | one rank               |
/// | principled | attend                     | row >= col + offset | positions are global  | everything             |
///
/// As on the CPU: the pipeline passes original positions and offset 0, where all agree. All launch the one attention
/// kernel; online_softmax_attention combines rows by its own formula, the others merge them by lse, in the same kernel.

#include "cuda/published/attend_call.hpp"
#include "cuda/published/counted_stream.hpp"
#include "reference/attention/partial.hpp"

namespace dra::cuda::DRA_TARGET::rungs {

/// An attention method; rows are combined with the out and lse that the call names.
using Method = void (*)(CountedStream& stream, DType type, const AttendCall& call, int chunk_offset, Combine combine);

namespace fix_4 {

void simple_attention(CountedStream&, DType, const AttendCall&, int chunk_offset, Combine);
void compute_attention_chunk(CountedStream&, DType, const AttendCall&, int chunk_offset, Combine);
void compute_attention_standard(CountedStream&, DType, const AttendCall&, int chunk_offset, Combine);
void online_softmax_attention(CountedStream&, DType, const AttendCall&, int chunk_offset, Combine);
void compute_attention(CountedStream&, DType, const AttendCall&, int chunk_offset, Combine);
void attend(CountedStream&, DType, const AttendCall&, int chunk_offset, Combine);

/// The method that the rung picks, by the number of ranks and causality.
Method method(published::Rung rung, Index ranks, bool causal);

/// The number of pairs (row, key) that a launch visits, in closed form: rows, repeats included, times the keys that
/// their tile visits.
Index visited_pairs(const AttendCall& call);

} // namespace fix_4
} // namespace dra::cuda::DRA_TARGET::rungs
