#include "reference/defects/catalogue.hpp"

#include "reference/defects/entries.hpp"

namespace dra::defects {

const std::vector<Defect>& catalogue() {
#define DRA_CALL(name) name(),
    static const std::vector<Defect> defects = {DRA_DEFECTS(DRA_CALL)};
#undef DRA_CALL
    return defects;
}

const Defect& defect(const std::string& id) {
    for (const Defect& known : catalogue())
        if (known.id == id) return known;
    throw PatternError("defect", id, "must be one of the catalogue");
}

} // namespace dra::defects
