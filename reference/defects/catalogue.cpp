#include "reference/defects/catalogue.hpp"

#include "reference/defects/entries.hpp"

namespace dra::defects {

const std::vector<Defect>& catalogue() {
    static const std::vector<Defect> defects = {mask_sign(), tail_negative(), gradient_rotated(), decode_phase()};
    return defects;
}

const Defect& defect(const std::string& id) {
    for (const Defect& known : catalogue())
        if (known.id == id) return known;
    throw PatternError("defect", id, "must be one of the catalogue");
}

} // namespace dra::defects
