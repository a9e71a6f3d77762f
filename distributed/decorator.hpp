#pragma once
/// \file
/// Decorators: a communicator around another one, which sees every transfer: to make it fail, to trace it, to check its
/// bytes.
///
/// What is counted, recorded and waited for is the decorator's own; the exchange, the signs of life and the words of
/// errors are those of what it wraps. A decorator that looks at transfers overrides transfer(), and returns a
/// TransferDecorator of its own around one of inner().

#include "distributed/communicator.hpp"

#include <utility>

namespace dra::distributed {

/// A transfer around another one. Override some of what it forwards, and call it.
class TransferDecorator : public Transfer {
public:
    TransferDecorator(Communicator& communicator, std::unique_ptr<Transfer> inner)
        : Transfer(communicator, inner->exchange()), inner_(std::move(inner)) {}

protected:
    void begin() override { inner_->start(); }
    std::optional<Index> waiting_for(Clock::duration patience) override { return inner_->waiting_for(patience); }
    void end() override { inner_->wait(); } // it is done already

private:
    void give_up(const CommError& error) noexcept override { inner_->give_up(error); }

    std::unique_ptr<Transfer> inner_;
};

/// A communicator around another one, which must outlive it.
class CommunicatorDecorator : public Communicator {
public:
    explicit CommunicatorDecorator(Communicator& inner) : Communicator(inner.size(), inner.timeout()), inner_(inner) {}

    Index rank() const override { return inner_.rank(); }
    std::unique_ptr<Transfer> transfer(Exchange exchange) override {
        return std::make_unique<TransferDecorator>(*this, inner_.transfer(std::move(exchange)));
    }
    void abort(const std::string& cause) noexcept override { inner_.abort(cause); }
    void spend(double flops) override { inner_.spend(flops); }
    void show_life() override { inner_.show_life(); }
    Clock::time_point last_life(Index rank) const override { return inner_.last_life(rank); }
    Index suspect(Index peer) const override { return inner_.suspect(peer); }

protected:
    Communicator& inner() { return inner_; }

private:
    Communicator& inner_;
};

} // namespace dra::distributed
