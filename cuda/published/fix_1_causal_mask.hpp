#pragma once
/// \file
/// Fix 1 on a device: where a mask comes from. It teaches that a launch costs microseconds whatever it does, that one
/// kernel fills n^2 booleans at the speed of memory, and that n^2 bytes written and read again are still n^2.
///
/// | rung       | form                                                    | launches   | bytes    |
/// |------------|---------------------------------------------------------|------------|----------|
/// | before     | one launch per element: tensor writes in a Python loop  | n_q * n_kv | n_q n_kv |
/// | after      | one kernel compares a row index with a column index     | 1          | n_q n_kv |
/// | principled | one extent per row, in the attention kernel's registers | 0          | 0        |
///
/// The principled form stands here too, stored, for the fix alone: n_q extents of 4 bytes, one launch.

#include "cuda/published/attend_call.hpp"
#include "cuda/published/counted_stream.hpp"

namespace dra::cuda::DRA_TARGET::rungs::fix_1 {

/// Fills mask [n_q, chunk.size()]: query i sees key j of the chunk when i >= chunk.begin + j.
using FillMask = void (*)(CountedStream& stream, unsigned char* mask, int n_q, IntInterval chunk);

void before(CountedStream& stream, unsigned char* mask, int n_q, IntInterval chunk);
void after(CountedStream& stream, unsigned char* mask, int n_q, IntInterval chunk);

/// Fills extents [n_q]: extents[i] = clamp(i - chunk.begin + 1, 0, chunk.size()).
void principled(CountedStream& stream, int* extents, int n_q, IntInterval chunk);

} // namespace dra::cuda::DRA_TARGET::rungs::fix_1
