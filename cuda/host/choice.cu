#include "cuda/device/error.hpp"
#include "cuda/host/choice.hpp"

namespace dra::cuda::DRA_TARGET {
namespace {

std::string rule() {
    std::string names;
    for (const AttentionKernel& step : ladder())
        names += (names.empty() ? "must be one of " : ", ") + std::string(step.name);
    return names;
}

const AttentionKernel& usual_kernel(DType type, const Parameters& parameters, int architecture,
                                    const ChoiceTable& table) {
    if (const std::optional<std::string> kernel = table.kernel(type, parameters, architecture)) {
        const AttentionKernel* step = find_kernel(*kernel);
        if (!step) throw FormatError("choices.kernel", *kernel, rule());
        if (why_not(*step, type, parameters, architecture).empty()) return *step;
    }
    return best_kernel(type, parameters, architecture);
}

} // namespace

const AttentionKernel& choose_kernel(const std::optional<std::string>& kernel, DType type, const Parameters& parameters,
                                     int architecture, const ChoiceTable& table) {
    const AttentionKernel* step = kernel ? find_kernel(*kernel) : &usual_kernel(type, parameters, architecture, table);
    if (!step) throw KernelError("kernel", *kernel, rule());
    if (const std::string why = why_not(*step, type, parameters, architecture); !why.empty()) throw KernelError(why);
    return *step;
}

} // namespace dra::cuda::DRA_TARGET
