/// \file
/// How the instructions of a warp and of a warpgroup are put together, and what is said when that cannot be.

#include "cuda/simt/emulator/block.hpp"
#include "cuda/simt/emulator/thread.hpp"

#include <algorithm>
#include <cstring>

namespace dra::simt::machine {
namespace {

bool same(Site a, Site b) { return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0); }

std::string text(Site site) {
    const char* folder = std::strrchr(site.file, '/');
    return std::string(folder ? folder + 1 : site.file) + ":" + std::to_string(site.line);
}

} // namespace

Meeting& Block::join(const char* instruction, std::uint32_t mask, Site site) {
    Lane& me = *lane_;
    Warp& mine = warp();
    const std::uint32_t bit = 1u << me.number % warp_size;
    me.site = site;
    if (!(mask & bit))
        fail(FaultKind::warp_divergence, std::string(instruction) + " by a lane that its mask does not name", site);
    for (unsigned i = 0; i < mine.open_meetings; ++i) {
        Meeting& open = mine.meetings[i];
        if (!(open.mask & mask)) continue;
        if (open.instruction != instruction || open.mask != mask || !same(open.site, site))
            fail(FaultKind::warp_divergence,
                 std::string("lanes of a warp are at ") + instruction + " and at " + open.instruction +
                     (open.mask != mask ? ", with different masks" : ""),
                 site, open.site);
        open.arrived |= bit;
        return open;
    }
    if (mask & mine.exited) {
        const unsigned gone =
            static_cast<unsigned>(std::countr_zero(mask & mine.exited)) + me.number / warp_size * warp_size;
        fail(FaultKind::warp_divergence,
             std::string(instruction) + " waits for a lane that " +
                 (gone < threads_ ? "has exited" : "the block does not have"),
             site, gone < threads_ ? lanes_[gone].site : Site{});
    }
    return mine.meetings[mine.open_meetings++] = {instruction, site, mask, bit};
}

void Block::close(Meeting& meeting) {
    Warp& mine = warp();
    if (meeting.mask == ~0u) mine.log.flush(counters);
    meeting = mine.meetings[--mine.open_meetings];
}

Warpgroup& Block::warpgroup() {
    const unsigned number = lane_->number / warpgroup_size;
    if (number >= warpgroups.size())
        fail(FaultKind::warp_divergence, "a warpgroup's instruction in a block whose last warpgroup is not complete",
             lane_->site);
    return warpgroups[number];
}

bool Block::join_warpgroup(const char* instruction, Site site) {
    lane_->site = site;
    Warpgroup& mine = warpgroup();
    if (mine.arrived == 0) {
        mine.instruction = instruction;
        mine.site = site;
        const unsigned first = lane_->number / warpgroup_size * (warpgroup_size / warp_size);
        for (unsigned i = first; i < first + warpgroup_size / warp_size; ++i)
            if (const std::uint32_t exited = warps[i].exited) {
                const unsigned lane = i * warp_size + static_cast<unsigned>(std::countr_zero(exited));
                fail(FaultKind::warp_divergence, std::string(instruction) + " waits for a thread that has exited", site,
                     lanes_[lane].site);
            }
    } else if (mine.instruction != instruction || !same(mine.site, site)) {
        fail(FaultKind::warp_divergence,
             std::string("threads of a warpgroup are at ") + instruction + " and at " + mine.instruction, site,
             mine.site);
    }
    return ++mine.arrived == warpgroup_size;
}

void Block::close_warpgroup() {
    warpgroup().arrived = 0;
    const unsigned first = lane_->number / warpgroup_size * (warpgroup_size / warp_size);
    for (unsigned i = first; i < first + warpgroup_size / warp_size; ++i) {
        warps[i].log.flush(counters);
        schedule.wake(i, i == lane_->number / warp_size ? ~(1u << lane_->number % warp_size) : ~0u);
    }
}

/// Who waits where, threads at the same instruction together; and the state of every mbarrier.
Fault Block::deadlock() const {
    struct Place {
        const Lane* first;
        unsigned threads;
    };
    std::vector<Place> places;
    for (unsigned i = 0; i < threads_; ++i) {
        const Lane& lane = lanes_[i];
        if (lane.finished) continue;
        const auto at = std::find_if(places.begin(), places.end(), [&](const Place& place) {
            return place.first->waits_for == lane.waits_for && same(place.first->site, lane.site);
        });
        if (at == places.end())
            places.push_back({&lane, 1});
        else
            ++at->threads;
    }
    std::string words = "every thread waits, for something that nobody will do";
    for (const Place& place : places)
        words += "\n  " + std::to_string(place.threads) + " threads from thread " +
                 std::to_string(place.first->number) + " on wait in " + place.first->waits_for + " at " +
                 text(place.first->site);
    // The second line: of whoever else waits, or of the mbarrier that all of them wait for.
    Site second = places.size() > 1 ? places[1].first->site : Site{};
    for (const Mbarrier& barrier : mbarriers.all()) {
        if (!second.file && barrier.waiting.has(places.front().first->number)) second = barrier.initialised;
        words += "\n  mbarrier at byte " + std::to_string(shared.offset(barrier.address)) + ": phase " +
                 std::to_string(barrier.phase) + ", " + std::to_string(barrier.pending) + " of " +
                 std::to_string(barrier.arrivals) + " arrivals to come, " + std::to_string(barrier.bytes) +
                 " bytes to come" + (barrier.bytes < 0 ? " (more came than were expected)" : "") + "; initialised at " +
                 text(barrier.initialised);
    }
    return Fault({.kind = FaultKind::deadlock,
                  .words = words,
                  .first = places.front().first->site,
                  .second = second,
                  .block = blockIdx,
                  .thread = places.front().first->index,
                  .seed = config_.seed});
}

} // namespace dra::simt::machine
