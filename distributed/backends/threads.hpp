#pragma once
/// \file
/// Ranks that are threads of this process, and links between them that can be made as slow as real ones.
///
/// Messages leave a rank over its link in the order in which it posts them, one at a time: message i of b bytes begins
/// when both sides have posted it and the one before it has left, and
///
///     left_i = max(posted_send, posted_receive, left_(i-1)) + b / bandwidth,     arrived_i = left_i + latency
///
/// In real time these are times of the clock, and rows are copied when they have arrived. In model time every rank has a
/// clock of its own that starts at 0: start() stamps messages with it, spend() moves it on by FLOPs / flops_per_second,
/// and wait() sets it to the latest arrival. That depends on nothing but what the ranks do in which order, so that it is
/// the same in every run, however the threads are scheduled.

#include "distributed/communicator.hpp"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>

namespace dra::distributed {

/// The link of every rank, in each direction.
struct Link {
    double bandwidth = 0; ///< bytes per second; 0: as fast as memory
    double latency = 0;   ///< seconds
    bool model_time = false;
    double flops_per_second = 0; ///< of a rank, in model time; 0: computing takes no time
};

/// Ranks that share an address space. It must outlive its communicators.
class ThreadWorld {
public:
    explicit ThreadWorld(Index size, Link link = {}, Clock::duration timeout = std::chrono::seconds(30));

    Index size() const { return std::ssize(clocks_); }

    /// The end of one rank; one each.
    std::unique_ptr<Communicator> communicator(Index rank);

    /// What a rank's clock of the model says, in seconds.
    double model_seconds(Index rank);

    /// What is the matter, where a rank gave up.
    const std::optional<CommError>& failure() const { return failure_; }

private:
    friend class ThreadTransfer;
    friend class ThreadCommunicator;

    /// One side of a message, which its transfer owns.
    struct Post {
        enum class State { idle, posted, matched, copying, done };

        ConstRows from = {}; ///< of a send
        Rows to = {};        ///< of a receive
        State state = State::idle;
        double posted = 0, arrived = 0; ///< seconds
        bool has_left = false;
        Post* partner = nullptr;
        std::string wrong; ///< why it cannot be done
    };

    /// What two ranks have posted and not matched, in order. The capacity is kept.
    class Queue {
    public:
        void push(Post* post) { posts_.push_back(post); }
        void make_room(std::size_t posts) { posts_.reserve(posts_.capacity() + posts); }
        Post* front() const { return first_ < posts_.size() ? posts_[first_] : nullptr; }
        void pop();
        void remove(const Post* post);

    private:
        std::vector<Post*> posts_;
        std::size_t first_ = 0;
    };

    struct Lane {
        Queue sends, receives;
    };

    double seconds(Index rank) const; // with the lock held, as all that follow
    std::optional<Index> culprit(Index rank, Index peer) const;
    Clock::rep last_life(Index rank, Index peer) const;
    void show_life(Index rank); // without the lock
    Lane& lane(Index from, Index to) { return lanes_[{from, to}]; }
    void match(Index from, Index to);
    void let_leave(Index from);
    void end(const CommError& error);

    const Link link_;
    const Clock::duration timeout_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::pair<Index, Index>, Lane> lanes_;
    std::vector<Queue> leaving_;  ///< messages that a rank has posted and that have not left, by rank
    std::vector<double> left_;    ///< when its last one did
    std::vector<double> clocks_;  ///< of the model
    std::vector<Index> waits_on_; ///< the peer that a rank waits for; itself where it does not wait
    std::vector<std::atomic<Clock::rep>> life_;
    std::optional<CommError> failure_;
};

/// Runs `rank` on a thread per rank of the world, each with a team of (threads of the caller) / R, at least one. When a
/// rank throws, the others' waits end. Throws what was thrown first, of errors that are no CommError if there is one.
void run_ranks(ThreadWorld& world, const std::function<void(Communicator&)>& rank);

} // namespace dra::distributed
