#include "cuda/device/error.hpp"
#include "cuda/host/choice.hpp"

namespace dra::cuda::DRA_TARGET {
namespace {

std::string rule() {
    std::string names;
    for (const Step& step : ladder()) names += (names.empty() ? "must be one of " : ", ") + std::string(step.name);
    return names;
}

const Step& usual_step(DType type, const Parameters& parameters, int architecture, const ChoiceTable& table) {
    if (const std::optional<std::string> kernel = table.kernel(type, parameters, architecture)) {
        const Step* step = find_step(*kernel);
        if (!step) throw FormatError("choices.kernel", *kernel, rule());
        if (why_not(*step, type, parameters, architecture).empty()) return *step;
    }
    return best_step(type, parameters, architecture);
}

} // namespace

const Step& choose_step(const std::optional<std::string>& kernel, DType type, const Parameters& parameters,
                        int architecture, const ChoiceTable& table) {
    const Step* step = kernel ? find_step(*kernel) : &usual_step(type, parameters, architecture, table);
    if (!step) throw KernelError("kernel", *kernel, rule());
    if (const std::string why = why_not(*step, type, parameters, architecture); !why.empty()) throw KernelError(why);
    return *step;
}

} // namespace dra::cuda::DRA_TARGET
