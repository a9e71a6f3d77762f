#pragma once
/// \file
/// The list of defects, the only one: each is a function, in the file that is called like it. CMake compiles these
/// files, and the catalogue has them in this order.

#include "reference/defects/defect.hpp"

// clang-format off
#define DRA_DEFECTS(entry)                                                                                \
    /* Of the report's class. */                                                                          \
    entry(mask_sign) entry(merge_by_max) entry(merge_unnormalised) entry(merge_mean)                      \
    entry(rows_not_scattered) entry(causal_on_dilated_index) entry(pad_by_repeat)                         \
    entry(chunk_relative_phase) entry(segments_ignored) entry(heads_not_tokens) entry(replicated_ring)    \
    entry(empty_row_nan) entry(half_accumulator) entry(wrap_index) entry(tail_dense) entry(tail_negative) \
    entry(mask_dropped) entry(swallowed_exception) entry(dilation_skipped) entry(heads_first)             \
    entry(global_offset_local_index)                                                                      \
    /* Of other public implementations of the same ideas. */                                              \
    entry(normalise_by_sum) entry(uneven_groups) entry(lse_zero_masked) entry(padding_attended)           \
    entry(own_chunk_dropped) entry(mixing_detached) entry(gradient_rotated) entry(lse_base)               \
    entry(merge_overflow) entry(decode_phase)
// clang-format on

namespace dra::defects {

#define DRA_DECLARE(name) Defect name();
DRA_DEFECTS(DRA_DECLARE)
#undef DRA_DECLARE

} // namespace dra::defects
