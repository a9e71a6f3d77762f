#include "cuda/simt/emulator/streams.hpp"

#include "cuda/simt/emulator/config.hpp"

#include <algorithm>
#include <utility>

namespace dra::simt::machine {

std::vector<std::unique_ptr<Stream>> Streams::first() {
    std::vector<std::unique_ptr<Stream>> streams;
    streams.push_back(std::make_unique<Stream>(Stream{.blocking = false}));
    return streams;
}

Stream* Streams::create(bool blocking) {
    std::erase_if(streams_, [](const auto& stream) { return stream->destroyed && stream->queue.empty(); });
    return streams_.emplace_back(std::make_unique<Stream>(Stream{.blocking = blocking})).get();
}

bool Streams::exists(const Stream* stream) const {
    return std::any_of(streams_.begin(), streams_.end(),
                       [&](const auto& known) { return known.get() == stream && !known->destroyed; });
}

void Streams::add(Stream& stream, Operation operation) {
    operation.number = ++operations_;
    stream.queue.push_back(std::move(operation));
}

bool Streams::ready(const Stream& stream) const {
    if (stream.queue.empty()) return false;
    const Operation& next = stream.queue.front();
    if (next.waits_for && next.waits_for->reached < next.recording) return false;
    const auto comes_before = [&](const Stream& other) {
        return !other.queue.empty() && other.queue.front().number < next.number;
    };
    if (&stream == streams_.front().get())
        return std::none_of(streams_.begin() + 1, streams_.end(),
                            [&](const auto& other) { return other->blocking && comes_before(*other); });
    return !(stream.blocking && comes_before(*streams_.front()));
}

void Streams::run_until(const std::function<bool()>& done) {
    if (kept_) std::rethrow_exception(std::exchange(kept_, nullptr));
    Random random(config().seed);
    while (!done()) {
        std::vector<Stream*> choice;
        for (const auto& stream : streams_)
            if (ready(*stream)) choice.push_back(stream.get());
        // Something is always ready: of all that is queued, the oldest waits for nothing.
        const auto drawn = [&]() -> Stream& {
            const std::size_t number = random.below(static_cast<std::uint32_t>(choice.size()));
            return *choice[number];
        };
        Stream& stream = config().order == Order::ascending    ? *choice.front()
                         : config().order == Order::descending ? *choice.back()
                                                               : drawn();
        const Operation operation = std::move(stream.queue.front());
        stream.queue.pop_front();
        try {
            operation.work();
            allocations.check_canaries();
        } catch (...) {
            drop_all();
            throw;
        }
    }
}

void Streams::run_all() {
    run_until([&] {
        return std::all_of(streams_.begin(), streams_.end(), [](const auto& stream) { return stream->queue.empty(); });
    });
}

bool Streams::run_all_quietly() {
    try {
        run_all();
        return true;
    } catch (...) {
        kept_ = std::current_exception();
        return false;
    }
}

void Streams::drop_all() {
    std::vector<Operation> survivors;
    for (const auto& stream : streams_) {
        for (Operation& operation : stream->queue)
            if (operation.survives_fault) survivors.push_back(std::move(operation));
        stream->queue.clear();
    }
    std::sort(survivors.begin(), survivors.end(),
              [](const Operation& a, const Operation& b) { return a.number < b.number; });
    for (const Operation& operation : survivors) operation.work();
}

} // namespace dra::simt::machine
