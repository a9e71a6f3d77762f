#include "cuda/simt/emulator/fault.hpp"

#include <cstring>

namespace dra::simt {
namespace {

std::string text(Site site) {
    const char* folder = std::strrchr(site.file, '/');
    return std::string(folder ? folder + 1 : site.file) + ":" + std::to_string(site.line);
}

std::string text(uint3 index) {
    return "(" + std::to_string(index.x) + ", " + std::to_string(index.y) + ", " + std::to_string(index.z) + ")";
}

std::string message(const Fault::Report& report) {
    std::string message = std::string(name(report.kind)) + ": " + report.words;
    if (report.first.file) message += "\n  at " + text(report.first);
    if (report.second.file) message += "\n  and " + text(report.second);
    return message + "\n  block " + text(report.block) + ", thread " + text(report.thread) + ", seed " +
           std::to_string(report.seed);
}

} // namespace

const char* name(FaultKind kind) {
    switch (kind) {
    case FaultKind::warp_divergence: return "warp divergence";
    case FaultKind::barrier_divergence: return "barrier divergence";
    case FaultKind::deadlock: return "deadlock";
    case FaultKind::out_of_bounds: return "out of bounds";
    case FaultKind::misaligned: return "misaligned address";
    case FaultKind::too_many_arrivals: return "too many arrivals";
    case FaultKind::barrier_misuse: return "barrier misuse";
    case FaultKind::missing_fence: return "missing fence";
    case FaultKind::unfinished_copy: return "unfinished copy";
    case FaultKind::accumulator_in_flight: return "accumulator in flight";
    case FaultKind::bad_descriptor: return "bad matrix descriptor";
    case FaultKind::bad_registers: return "bad register count";
    case FaultKind::canary: return "canary";
    case FaultKind::use_before_wait: return "use before wait";
    }
    return "fault";
}

Fault::Fault(Report report) : std::runtime_error(message(report)), report_(std::move(report)) {}

} // namespace dra::simt
