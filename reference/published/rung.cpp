#include "reference/published/rung.hpp"

namespace dra::published {

std::vector<Topic> all_topics() {
    std::vector<Topic> all(all_fixes.begin(), all_fixes.end());
    all.insert(all.end(), opportunities.begin(), opportunities.end());
    return all;
}

std::string name(Rung rung) {
    switch (rung) {
    case Rung::before: return "before";
    case Rung::after: return "after";
    default: return "principled";
    }
}

std::string Rungs::name() const {
    std::string letters;
    for (const Rung rung : rungs_) letters += published::name(rung)[0];
    return letters;
}

Counts& Counts::operator+=(const Counts& other) {
    mask_elements += other.mask_elements;
    mask_bytes_kept += other.mask_bytes_kept;
    head_groups += other.head_groups;
    index_elements += other.index_elements;
    rows_gathered += other.rows_gathered;
    pairs += other.pairs;
    pairs_again += other.pairs_again;
    flops += other.flops;
    temporary_elements += other.temporary_elements;
    rows_read += other.rows_read;
    bytes_kept += other.bytes_kept;
    return *this;
}

} // namespace dra::published
