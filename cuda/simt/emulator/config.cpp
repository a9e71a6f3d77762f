#include "cuda/simt/emulator/config.hpp"
#include "cuda/simt/emulator/counters.hpp"

namespace dra::simt {

Config& config() {
    static Config shared;
    return shared;
}

Counters& counters() {
    static Counters shared;
    return shared;
}

} // namespace dra::simt
