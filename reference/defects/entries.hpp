#pragma once
/// \file
/// One function a defect, each in the file that is called like it.

#include "reference/defects/defect.hpp"

namespace dra::defects {

// Of the report's class.
Defect mask_sign();
Defect merge_by_max();
Defect merge_unnormalised();
Defect merge_mean();
Defect rows_not_scattered();
Defect causal_on_dilated_index();
Defect pad_by_repeat();
Defect chunk_relative_phase();
Defect segments_ignored();
Defect heads_not_tokens();
Defect replicated_ring();
Defect empty_row_nan();
Defect half_accumulator();
Defect wrap_index();
Defect tail_dense();
Defect tail_negative();
Defect mask_dropped();
Defect swallowed_exception();
Defect dilation_skipped();
Defect heads_first();
Defect global_offset_local_index();

// Of other public implementations of the same ideas.
Defect normalise_by_sum();
Defect uneven_groups();
Defect lse_zero_masked();
Defect padding_attended();
Defect own_chunk_dropped();
Defect mixing_detached();
Defect gradient_rotated();
Defect lse_base();
Defect merge_overflow();
Defect decode_phase();

} // namespace dra::defects
