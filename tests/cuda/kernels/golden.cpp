#include "tests/golden.hpp"
#include "cuda/device/device_problem.hpp"
#include "tests/cuda/kernels/problems.hpp"

namespace dra::test {
namespace {

using cuda::emulated::AttentionKernel;

/// Whether the kernel can do every pattern of the problem; on `architecture` 9.0.
bool takes(const AttentionKernel& kernel, const Problem& problem, DType type) {
    for (const cuda::DevicePattern& pattern : cuda::device_problem(problem).patterns)
        if (pattern.selects_any && !cuda::emulated::why_not(kernel, type, pattern.parameters, 90).empty()) return false;
    return true;
}

TEST_CASE("every kernel gives every golden case's answer that it can be asked for") {
    for (const AttentionKernel& kernel : cuda::emulated::ladder()) {
        const std::string name = kernel.name;
        int cases = 0;
        double worst = 0;
        for (const std::string& file : golden_names()) {
            const Golden golden = load_golden(file);
            const Problem problem = golden.problem();
            for (const DType type : types_of(kernel)) {
                if (!takes(kernel, problem, type)) continue;
                CAPTURE(name);
                CAPTURE(file);
                CAPTURE(cuda::type_name(type));
                const auto result = cuda::attention(emulator(), problem, type, golden.q, golden.k, golden.v, name);
                // In fp32 the file's own answer; rounded inputs are another problem, which our oracle answers.
                const double share = type == DType::f32
                                         ? error_ratios(problem, golden.expected, result).forward() / forward_bound
                                         : share_of_bound(problem, type, golden.q, golden.k, golden.v, result);
                CHECK(share <= 1);
                worst = std::max(worst, share);
                ++cases;
            }
        }
        MESSAGE(name, ": largest error ", worst, " of the bound in ", cases, " runs");
        const int files = static_cast<int>(golden_names().size());
        CHECK(cases == (kernel.takes_fp32 ? 3 * files : kernel.uses_tensor_maps ? cases : 2 * files));
        CHECK(cases >= files); // tensor maps leave out what does not divide
    }
}

} // namespace
} // namespace dra::test
