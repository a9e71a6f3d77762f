#include "cuda/simt/emulator/access_log.hpp"

#include <algorithm>

namespace dra::simt::machine {
namespace {

template <std::size_t N> std::size_t distinct(std::array<std::uintptr_t, N>& values, std::size_t count) {
    const auto end = values.begin() + static_cast<std::ptrdiff_t>(count);
    if (!std::is_sorted(values.begin(), end)) std::sort(values.begin(), end);
    return static_cast<std::size_t>(std::unique(values.begin(), end) - values.begin());
}

} // namespace

std::uint64_t sectors(const Request& request) {
    constexpr std::uintptr_t sector = 32;
    std::array<std::uintptr_t, 64> touched;
    std::size_t count = 0;
    for (unsigned lane = 0; lane < 32; ++lane) {
        if (!(request.lanes >> lane & 1)) continue;
        const std::uintptr_t first = request.address[lane] / sector;
        const std::uintptr_t last = (request.address[lane] + request.bytes - 1) / sector;
        touched[count++] = first;
        if (last != first) touched[count++] = last;
    }
    return distinct(touched, count);
}

std::uint64_t wavefronts(const Request& request) {
    constexpr std::uintptr_t word = 4, banks = 32;
    const unsigned words = std::max(1u, request.bytes / 4), lanes_per_pass = 32 / words;
    std::uint64_t passes = 0;
    for (unsigned begin = 0; begin < 32; begin += lanes_per_pass) {
        std::array<std::uintptr_t, 32> touched;
        std::size_t count = 0;
        for (unsigned lane = begin; lane < begin + lanes_per_pass; ++lane)
            if (request.lanes >> lane & 1)
                for (unsigned i = 0; i < words; ++i) touched[count++] = request.address[lane] / word + i;
        count = distinct(touched, count);
        std::array<std::uint8_t, banks> load{};
        std::uint8_t most = 0;
        for (std::size_t i = 0; i < count; ++i) most = std::max(most, ++load[touched[i] % banks]);
        passes += most;
    }
    return passes;
}

AccessLog::Line& AccessLog::line(Traffic traffic, Site site) {
    const auto is_it = [&](const Line& line) {
        return line.site.line == site.line && line.site.file == site.file && line.traffic == traffic;
    };
    if (last_ < lines_.size() && is_it(lines_[last_])) return lines_[last_];
    last_ = static_cast<std::size_t>(std::find_if(lines_.begin(), lines_.end(), is_it) - lines_.begin());
    if (last_ == lines_.size()) {
        lines_.push_back({site, traffic, {}, {}});
        if (!spare_.empty()) {
            lines_.back().requests = std::move(spare_.back());
            spare_.pop_back();
        }
    }
    return lines_[last_];
}

void AccessLog::record(Traffic traffic, Site site, unsigned lane, const void* address, std::uint32_t bytes) {
    Line& at = line(traffic, site);
    const std::uint32_t visit = at.visits[lane]++;
    if (visit == at.requests.size()) {
        at.requests.emplace_back();
        at.requests.back().bytes = bytes;
    }
    Request& request = at.requests[visit];
    request.address[lane] = reinterpret_cast<std::uintptr_t>(address);
    request.lanes |= 1u << lane;
}

void AccessLog::count_all(Counters& counters) {
    for (Line& line : lines_) {
        for (const Request& request : line.requests) {
            switch (line.traffic) {
            case Traffic::load:
                ++counters.load_requests;
                counters.load_sectors += sectors(request);
                break;
            case Traffic::store:
                ++counters.store_requests;
                counters.store_sectors += sectors(request);
                break;
            case Traffic::async_copy:
                ++counters.async_copy_requests;
                counters.async_copy_sectors += sectors(request);
                break;
            case Traffic::shared_load:
                ++counters.shared_load_requests;
                counters.shared_load_wavefronts += wavefronts(request);
                break;
            case Traffic::shared_store:
                ++counters.shared_store_requests;
                counters.shared_store_wavefronts += wavefronts(request);
                break;
            }
        }
        line.requests.clear();
        spare_.push_back(std::move(line.requests));
    }
    lines_.clear();
}

} // namespace dra::simt::machine
