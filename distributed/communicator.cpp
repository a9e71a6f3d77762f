#include "distributed/communicator.hpp"

#include <algorithm>
#include <string_view>

namespace dra::distributed {

Transfer::Transfer(Communicator& communicator, Exchange exchange)
    : communicator_(communicator), exchange_(std::move(exchange)) {}

void Transfer::start() {
    started_ = Clock::now();
    communicator_.note_start(exchange_);
    communicator_.show_life();
    begin();
}

bool Transfer::advance() {
    communicator_.show_life();
    return !waiting_for(Clock::duration::zero());
}

void Transfer::wait() {
    constexpr auto most_patience = std::chrono::milliseconds(100);
    const Clock::duration timeout = communicator_.timeout(),
                          patience = std::min<Clock::duration>(most_patience, timeout);
    const Clock::time_point began = Clock::now();
    communicator_.show_life();
    while (const std::optional<Index> peer = waiting_for(patience))
        if (Clock::now() - std::max(began, communicator_.last_life(*peer)) > timeout)
            fail(*peer, communicator_.suspect(*peer), "no sign of life within the deadline");
    end();
    communicator_.note_end(exchange_);
}

void Transfer::fail(Index peer, Index suspect, std::string cause) {
    const CommError error({communicator_.rank(), peer, suspect, exchange_.step, exchange_.operation,
                           Clock::now() - started_, std::move(cause), communicator_.last_steps()});
    give_up(error);
    throw error;
}

void Communicator::spend(double) {}
void Communicator::show_life() {}
Clock::time_point Communicator::last_life(Index) const { return {}; }

void Communicator::reset_traffic() { std::ranges::fill(traffic_, Traffic{}); }

void Communicator::note_start(const Exchange& exchange) {
    Record& record = records_[started_++ % records_.size()];
    record = {{}, exchange.step, false};
    exchange.operation.copy(record.operation.data(), record.operation.size() - 1);
}

void Communicator::note_end(const Exchange& exchange) {
    for (Record& record : records_) {
        const auto operation = std::string_view(exchange.operation).substr(0, record.operation.size() - 1);
        if (record.step == exchange.step && operation == record.operation.data()) record.is_done = true;
    }
    for (const auto& [peer, rows] : exchange.sends) {
        traffic_[peer].bytes_sent += rows.bytes();
        ++traffic_[peer].messages_sent;
    }
    for (const auto& [peer, rows] : exchange.receives) {
        traffic_[peer].bytes_received += rows.bytes();
        ++traffic_[peer].messages_received;
    }
}

std::vector<std::string> Communicator::last_steps() const {
    std::vector<std::string> steps;
    for (std::size_t i = started_ - std::min(started_, records_.size()); i < started_; ++i) {
        const auto& [operation, step, is_done] = records_[i % records_.size()];
        steps.push_back(std::string(operation.data()) + " " + std::to_string(step) + (is_done ? " done" : " started"));
    }
    return steps;
}

} // namespace dra::distributed
