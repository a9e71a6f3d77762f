#include "cuda/host/choice.hpp"
#include "cuda/host/error.hpp"

namespace dra::cuda::DRA_TARGET {
namespace {

const Step& named(const std::string& kernel) {
    if (const Step* step = find_step(kernel)) return *step;
    std::string names;
    for (const Step& step : ladder()) names += (names.empty() ? "" : ", ") + std::string(step.name);
    throw KernelError("kernel", kernel, "must be one of " + names);
}

} // namespace

const Step& choose_step(const std::optional<std::string>& kernel, Type type, const Parameters& parameters,
                        int architecture) {
    const Step& step = kernel ? named(*kernel) : best_step(type, parameters, architecture);
    if (const std::string why = why_not(step, type, parameters, architecture); !why.empty()) throw KernelError(why);
    return step;
}

} // namespace dra::cuda::DRA_TARGET
