#include "reference/defects/catalogue.hpp"

#include "reference/defects/entries.hpp"

namespace dra::defects {

const std::vector<Defect>& catalogue() {
    static const std::vector<Defect> defects = {
        // Of the report's class.
        mask_sign(), merge_by_max(), merge_unnormalised(), merge_mean(), rows_not_scattered(),
        causal_on_dilated_index(), pad_by_repeat(), chunk_relative_phase(), segments_ignored(), heads_not_tokens(),
        replicated_ring(), empty_row_nan(), half_accumulator(), wrap_index(), tail_dense(), tail_negative(),
        mask_dropped(), swallowed_exception(), dilation_skipped(), heads_first(), global_offset_local_index(),
        // Of other public implementations of the same ideas.
        normalise_by_sum(), uneven_groups(), lse_zero_masked(), padding_attended(), own_chunk_dropped(),
        mixing_detached(), gradient_rotated(), lse_base(), merge_overflow(), decode_phase()};
    return defects;
}

const Defect& defect(const std::string& id) {
    for (const Defect& known : catalogue())
        if (known.id == id) return known;
    throw PatternError("defect", id, "must be one of the catalogue");
}

} // namespace dra::defects
