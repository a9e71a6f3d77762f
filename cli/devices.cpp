#include "cli/devices.hpp"

namespace dra::cli {
namespace {

[[noreturn, maybe_unused]] void refuse(const std::string& backend, const std::string& option) {
    throw PatternError("--backend", backend,
                       "must be one that this program was built with; it was built without " + option);
}

} // namespace

std::unique_ptr<cuda::Device> open_device(const std::string& backend) {
    if (backend == "cuda") {
#ifdef DRA_HAVE_CUDA
        return cuda::silicon_device();
#else
        refuse(backend, "DRA_CUDA");
#endif
    }
#ifdef DRA_HAVE_EMULATOR
    return cuda::emulated_device();
#else
    refuse(backend, "DRA_EMULATOR");
#endif
}

} // namespace dra::cli
