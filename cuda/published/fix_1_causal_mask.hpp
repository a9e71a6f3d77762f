#pragma once
/// \file
/// Fix 1 on a device: where a mask comes from. It teaches that a launch costs microseconds whatever it does, that one
/// kernel fills n^2 booleans at the speed of memory, and that n^2 bytes written and read again are still n^2.
///
/// | rung       | form                                                    | launches   | bytes    |
/// |------------|---------------------------------------------------------|------------|----------|
/// | before     | a launch an element: a tensor write in a Python loop    | n_q * n_kv | n_q n_kv |
/// | after      | one kernel compares a row index with a column index     | 1          | n_q n_kv |
/// | principled | one extent a row, in the attention kernel's registers   | 0          | 0        |
///
/// The principled form stands here too, stored, for the fix alone: n_q extents of 4 bytes, one launch.

#include "cuda/published/attend_call.hpp"
#include "cuda/published/counted_stream.hpp"

namespace dra::cuda::DRA_TARGET::rungs::fix_1 {

/// Fills mask [n_q, chunk.count]: query i sees key j of the chunk when i >= chunk.begin + j.
using FillMask = void (*)(CountedStream& stream, unsigned char* mask, int n_q, Tokens chunk);

void before(CountedStream& stream, unsigned char* mask, int n_q, Tokens chunk);
void after(CountedStream& stream, unsigned char* mask, int n_q, Tokens chunk);

/// extents[i] = clamp(i - chunk.begin + 1, 0, chunk.count).
void principled(CountedStream& stream, int* extents, int n_q, Tokens chunk);

} // namespace dra::cuda::DRA_TARGET::rungs::fix_1
