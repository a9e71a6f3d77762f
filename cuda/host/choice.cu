#include "cuda/device/error.hpp"
#include "cuda/host/choice.hpp"

namespace dra::cuda::DRA_TARGET {
namespace {

std::string rule() {
    std::string names;
    for (const AttentionKernel& kernel : ladder())
        names += (names.empty() ? "must be one of " : ", ") + std::string(kernel.name);
    return names;
}

const AttentionKernel& usual_kernel(DType type, const Parameters& parameters, int architecture,
                                    const ChoiceTable& table) {
    if (const std::optional<std::string> name = table.kernel(type, parameters, architecture)) {
        const AttentionKernel* kernel = find_kernel(*name);
        if (!kernel) throw FormatError("choices.kernel", *name, rule());
        if (why_not(*kernel, type, parameters, architecture).empty()) return *kernel;
    }
    return best_kernel(type, parameters, architecture);
}

} // namespace

const AttentionKernel& choose_kernel(const std::optional<std::string>& name, DType type, const Parameters& parameters,
                                     int architecture, const ChoiceTable& table) {
    const AttentionKernel* kernel = name ? find_kernel(*name) : &usual_kernel(type, parameters, architecture, table);
    if (!kernel) throw KernelError("kernel", *name, rule());
    if (const std::string why = why_not(*kernel, type, parameters, architecture); !why.empty()) throw KernelError(why);
    return *kernel;
}

} // namespace dra::cuda::DRA_TARGET
