#include "distributed/backends/threads.hpp"

#include <omp.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <system_error>
#include <thread>

namespace dra::distributed {
namespace {

double now_in_seconds() { return std::chrono::duration<double>(Clock::now().time_since_epoch()).count(); }

void copy(const ConstRows& from, const Rows& to) {
    const auto same_lines = [](const auto& rows) { return rows.pitch == rows.width || rows.count == 1; };
    if (same_lines(from) && same_lines(to)) {
        if (from.bytes() > 0) std::memcpy(to.first, from.first, static_cast<std::size_t>(from.bytes()));
        return;
    }
    // The sides may cut the same bytes into rows of different widths.
    Index done = 0;
    while (done < from.bytes()) {
        const Index in_from = done % from.width, in_to = done % to.width;
        const Index bytes = std::min(from.width - in_from, to.width - in_to);
        std::memcpy(to.first + done / to.width * to.pitch + in_to,
                    from.first + done / from.width * from.pitch + in_from, static_cast<std::size_t>(bytes));
        done += bytes;
    }
}

} // namespace

void ThreadWorld::Queue::pop() {
    if (++first_ < posts_.size()) return;
    posts_.clear();
    first_ = 0;
}

void ThreadWorld::Queue::remove(const Post* post) {
    const auto begin = posts_.begin() + static_cast<std::ptrdiff_t>(first_);
    posts_.erase(std::remove(begin, posts_.end(), post), posts_.end());
}

ThreadWorld::ThreadWorld(Index size, Link link, Clock::duration timeout)
    : link_(link), timeout_(timeout), leaving_(static_cast<std::size_t>(size)), left_(leaving_.size()),
      clocks_(leaving_.size()), waits_on_(leaving_.size()), life_(leaving_.size()) {
    std::iota(waits_on_.begin(), waits_on_.end(), 0);
}

double ThreadWorld::model_seconds(Index rank) {
    const std::lock_guard lock(mutex_);
    return clocks_[rank];
}

double ThreadWorld::seconds(Index rank) const { return link_.model_time ? clocks_[rank] : now_in_seconds(); }

void ThreadWorld::match(Index from, Index to) {
    auto& [sends, receives] = lane(from, to);
    while (sends.front() && receives.front()) {
        Post &send = *sends.front(), &receive = *receives.front();
        sends.pop();
        receives.pop();
        if (send.from.bytes() != receive.to.bytes())
            send.wrong = receive.wrong = "rank " + std::to_string(from) + " sends " +
                                         std::to_string(send.from.bytes()) + " bytes, rank " + std::to_string(to) +
                                         " expects " + std::to_string(receive.to.bytes());
        send.partner = &receive;
        receive.partner = &send;
        send.state = receive.state = Post::State::matched;
    }
    let_leave(from);
}

void ThreadWorld::let_leave(Index from) {
    Queue& queue = leaving_[from];
    for (Post* send = queue.front(); send && send->partner; send = queue.front()) {
        const double seconds = link_.bandwidth > 0 ? static_cast<double>(send->from.bytes()) / link_.bandwidth : 0;
        left_[from] = std::max({send->posted, send->partner->posted, left_[from]}) + seconds;
        for (Post* side : {send, send->partner}) {
            side->arrived = left_[from] + link_.latency;
            side->has_left = true;
        }
        queue.pop();
    }
    changed_.notify_all();
}

/// Whom a rank waits for in truth: of a peer that itself waits for another, that one, and so on; nothing where they wait
/// for each other.
std::optional<Index> ThreadWorld::culprit(Index rank, Index peer) const {
    for (Index i = 0; i < size() && peer != rank; ++i) {
        if (waits_on_[peer] == peer) return peer;
        peer = waits_on_[peer];
    }
    return std::nullopt;
}

/// The last sign of life of whom a rank waits for in truth; where ranks wait for each other, of the last one that began to.
Clock::rep ThreadWorld::last_life(Index rank, Index peer) const {
    if (const std::optional<Index> awaited = culprit(rank, peer)) return life_[*awaited];
    Clock::rep latest = life_[rank];
    for (Index i = 0; i < size(); ++i, peer = waits_on_[peer]) latest = std::max(latest, life_[peer].load());
    return latest;
}

void ThreadWorld::show_life(Index rank) { life_[rank] = Clock::now().time_since_epoch().count(); }

void ThreadWorld::end(const CommError& error) {
    if (!failure_) failure_ = error;
    changed_.notify_all();
}

class ThreadTransfer final : public Transfer {
public:
    ThreadTransfer(Communicator& communicator, ThreadWorld& world, Exchange exchange)
        : Transfer(communicator, std::move(exchange)), world_(world), rank_(communicator.rank()),
          sends_(this->exchange().sends.size()), receives_(this->exchange().receives.size()) {
        const std::lock_guard lock(world_.mutex_);
        world_.leaving_[rank_].make_room(sends_.size());
        for (const Send& send : this->exchange().sends) world_.lane(rank_, send.peer).sends.make_room(1);
        for (const Receive& receive : this->exchange().receives) world_.lane(receive.peer, rank_).receives.make_room(1);
        for (std::size_t i = 0; i < sends_.size(); ++i) sends_[i].from = this->exchange().sends[i].rows;
        for (std::size_t i = 0; i < receives_.size(); ++i) receives_[i].to = this->exchange().receives[i].rows;
    }

    ~ThreadTransfer() override {
        std::unique_lock lock(world_.mutex_);
        world_.changed_.wait(lock, [&] { return !is_any(State::copying); });
        for (std::size_t i = 0; i < sends_.size(); ++i) {
            world_.lane(rank_, exchange().sends[i].peer).sends.remove(&sends_[i]);
            world_.leaving_[rank_].remove(&sends_[i]);
            withdraw(sends_[i]);
        }
        for (std::size_t i = 0; i < receives_.size(); ++i) {
            world_.lane(exchange().receives[i].peer, rank_).receives.remove(&receives_[i]);
            withdraw(receives_[i]);
        }
        world_.let_leave(rank_);
    }

private:
    using Post = ThreadWorld::Post;
    using State = Post::State;

    void begin() override {
        const std::lock_guard lock(world_.mutex_);
        const double now = world_.seconds(rank_);
        for (std::size_t i = 0; i < receives_.size(); ++i) {
            post(receives_[i], now);
            world_.lane(exchange().receives[i].peer, rank_).receives.push(&receives_[i]);
        }
        for (std::size_t i = 0; i < sends_.size(); ++i) {
            post(sends_[i], now);
            world_.lane(rank_, exchange().sends[i].peer).sends.push(&sends_[i]);
            world_.leaving_[rank_].push(&sends_[i]);
        }
        for (const Receive& receive : exchange().receives) world_.match(receive.peer, rank_);
        for (const Send& send : exchange().sends) world_.match(rank_, send.peer);
    }

    std::optional<Index> waiting_for(Clock::duration patience) override {
        const auto until = Clock::now() + patience;
        std::unique_lock lock(world_.mutex_);
        for (;;) {
            if (world_.failure_) follow(lock);
            auto next = until;
            const std::optional<Index> from = drive(receives_, exchange().receives, lock, next),
                                       to = drive(sends_, exchange().sends, lock, next), peer = from ? from : to;
            if (!peer) world_.show_life(rank_); // whoever waits for it starts anew
            world_.waits_on_[rank_] = peer && patience > Clock::duration::zero() ? *peer : rank_;
            if (!peer || Clock::now() >= until) return peer;
            if (!world_.failure_) world_.changed_.wait_until(lock, next);
        }
    }

    void end() override {
        if (!world_.link_.model_time) return;
        const std::lock_guard lock(world_.mutex_);
        for (const std::vector<Post>* posts : {&sends_, &receives_})
            for (const Post& post : *posts) world_.clocks_[rank_] = std::max(world_.clocks_[rank_], post.arrived);
    }

    void give_up(const CommError& error) noexcept override {
        const std::lock_guard lock(world_.mutex_);
        world_.end(error);
    }

    static void post(Post& post, double now) {
        post.state = State::posted;
        post.posted = now;
        post.has_left = false;
        post.partner = nullptr;
    }

    /// Another rank gave up.
    [[noreturn]] void follow(std::unique_lock<std::mutex>& lock) {
        const CommError::Facts facts = world_.failure_->facts();
        const std::string cause = facts.step < 0 ? facts.cause : world_.failure_->what();
        lock.unlock();
        fail(facts.rank, facts.suspect, "rank " + std::to_string(facts.rank) + " gave up: " + cause);
    }

    /// Copies what has arrived. The peer of the first message that is not done; `next` is when the next one arrives.
    template <class Side> std::optional<Index> drive(std::vector<Post>& posts, const std::vector<Side>& sides,
                                                     std::unique_lock<std::mutex>& lock, Clock::time_point& next) {
        std::optional<Index> waiting;
        for (std::size_t i = 0; i < posts.size(); ++i) {
            Post& post = posts[i];
            if (!post.wrong.empty()) {
                const std::string cause = post.wrong;
                lock.unlock();
                fail(sides[i].peer, sides[i].peer, cause);
            }
            const bool is_late = !world_.link_.model_time && post.arrived > now_in_seconds();
            if (post.state == State::matched && post.has_left && !is_late) {
                copy_message(post, lock);
                for (const Index rank : {rank_, sides[i].peer}) world_.show_life(rank);
            }
            if (post.state == State::done) continue;
            if (!waiting) waiting = sides[i].peer;
            if (post.state == State::matched && post.has_left && is_late)
                next = std::min(next, Clock::time_point(std::chrono::duration_cast<Clock::duration>(
                                          std::chrono::duration<double>(post.arrived))));
        }
        return waiting;
    }

    /// Either side copies; the lock is open meanwhile.
    void copy_message(Post& post, std::unique_lock<std::mutex>& lock) {
        Post& partner = *post.partner;
        post.state = partner.state = State::copying;
        const ConstRows from = post.from.first ? post.from : partner.from;
        const Rows to = post.to.first ? post.to : partner.to;
        lock.unlock();
        copy(from, to);
        lock.lock();
        post.state = partner.state = State::done;
        world_.changed_.notify_all();
    }

    bool is_any(State state) const {
        const auto in_state = [&](const Post& post) { return post.state == state; };
        return std::ranges::any_of(sends_, in_state) || std::ranges::any_of(receives_, in_state);
    }

    /// Leaves the partner of a message that will not come alone.
    static void withdraw(Post& post) {
        if (post.state == State::matched && post.partner) {
            post.partner->wrong = "the peer abandoned its transfer";
            post.partner->partner = nullptr;
        }
        post.state = State::idle;
    }

    ThreadWorld& world_;
    const Index rank_;
    std::vector<Post> sends_, receives_;
};

class ThreadCommunicator final : public Communicator {
public:
    ThreadCommunicator(ThreadWorld& world, Index rank)
        : Communicator(world.size(), world.timeout_), world_(world), rank_(rank) {}

    Index rank() const override { return rank_; }

    std::unique_ptr<Transfer> transfer(Exchange exchange) override {
        return std::make_unique<ThreadTransfer>(*this, world_, std::move(exchange));
    }

    void abort(const std::string& cause) noexcept override {
        const std::lock_guard lock(world_.mutex_);
        world_.end(CommError({rank_, rank_, rank_, -1, "abort", {}, cause}));
    }

    void spend(double flops) override {
        if (!world_.link_.model_time || world_.link_.flops_per_second <= 0) return;
        const std::lock_guard lock(world_.mutex_);
        world_.clocks_[rank_] += flops / world_.link_.flops_per_second;
    }

    void show_life() override { world_.show_life(rank_); }

    Clock::time_point last_life(Index peer) const override {
        const std::lock_guard lock(world_.mutex_);
        return Clock::time_point(Clock::duration(world_.last_life(rank_, peer)));
    }

    Index suspect(Index peer) const override {
        const std::lock_guard lock(world_.mutex_);
        return world_.culprit(rank_, peer).value_or(peer);
    }

private:
    ThreadWorld& world_;
    const Index rank_;
};

std::unique_ptr<Communicator> ThreadWorld::communicator(Index rank) {
    return std::make_unique<ThreadCommunicator>(*this, rank);
}

void run_ranks(ThreadWorld& world, const std::function<void(Communicator&)>& rank) {
    const int team = std::max(1, omp_get_max_threads() / static_cast<int>(world.size()));
    std::mutex mutex;
    std::exception_ptr first, follower; // a follower is an error of communication, which the first may have led to
    const auto keep = [&](std::exception_ptr& where, Communicator& communicator, const char* cause) {
        const std::lock_guard lock(mutex);
        if (!where) where = std::current_exception();
        communicator.abort(cause);
    };
    const auto play = [&](Communicator& communicator) {
        omp_set_num_threads(team);
        try {
            rank(communicator);
        } catch (const CommError& error) {
            keep(follower, communicator, error.what());
        } catch (const std::exception& error) {
            keep(first, communicator, error.what());
        } catch (...) {
            keep(first, communicator, "an exception of unknown type");
        }
    };
    std::vector<std::unique_ptr<Communicator>> communicators;
    std::vector<std::thread> threads;
    for (Index r = 0; r < world.size(); ++r) {
        communicators.push_back(world.communicator(r));
        try {
            threads.emplace_back(play, std::ref(*communicators.back()));
        } catch (const std::system_error& error) { // there are too many: those that wait for this one must not
            keep(first, *communicators.back(), error.what());
            break;
        }
    }
    for (std::thread& thread : threads) thread.join();
    if (first) std::rethrow_exception(first);
    if (follower) std::rethrow_exception(follower);
}

} // namespace dra::distributed
