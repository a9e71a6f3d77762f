#include "cli/rung_devices.hpp"

#include "cli/devices.hpp"

#include <stdexcept>

namespace dra::cli {

std::unique_ptr<cuda::RungDevice> open_rung_device(const std::string& backend) {
#ifdef DRA_HAVE_CUDA
    if (backend == "cuda") return cuda::silicon_rungs();
#endif
#ifdef DRA_HAVE_EMULATOR
    if (backend == "emulated") return cuda::emulated_rungs();
#endif
    open_device(backend); // which says what this program was built without
    throw std::logic_error("a device without rungs");
}

} // namespace dra::cli
