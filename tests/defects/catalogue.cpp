#include "reference/defects/catalogue.hpp"

#include <doctest/doctest.h>

namespace dra::defects {
namespace {

bool judged_with_dout(const Defect& defect) { return defect.kind == Kind::gradient; }

TEST_CASE("every defect's witness fails against the oracle beyond the bound, and the right ingredients pass on it") {
    for (const Defect& defect : catalogue()) {
        CAPTURE(defect.id);
        const Sample posed = sample(defect.witness, defect.kind == Kind::precision);
        const Inputs inputs = posed.inputs(judged_with_dout(defect));
        const Oracle truth = oracle<double>(posed.problem, inputs.q, inputs.k, inputs.v, inputs.dout);
        const double wrong = excess(defect.kind, observe(defect.first(posed.problem), posed.problem, inputs),
                                    posed.problem, inputs, truth);
        const double right = excess(defect.kind, observe({}, posed.problem, inputs), posed.problem, inputs, truth);
        MESSAGE(defect.id, ": ", wrong, " of its bound, right ingredients ", right);
        CHECK(wrong > 1);
        CHECK(right <= 1);
        CHECK(defect.hidden(posed.problem) == "");
    }
}

} // namespace
} // namespace dra::defects
