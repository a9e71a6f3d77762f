#include "distributed/attention.hpp"

#include <fmt/format.h>

namespace dra::distributed {
namespace {

/// What all ranks must have understood alike.
std::vector<std::pair<std::string, std::string>> terms_of(const Problem& problem, Strategy strategy, Index bytes) {
    const auto list = [](const std::vector<Index>& values) { return fmt::format("{}", fmt::join(values, ",")); };
    return {
        {"version", "1"}, // of what is exchanged
        {"element bytes", std::to_string(bytes)},
        {"strategy", name(strategy)},
        {"layout", name(problem.layout)},
        {"ranks", std::to_string(problem.ranks)},
        {"batch", std::to_string(problem.batch)},
        {"tokens", std::to_string(problem.tokens)},
        {"heads", std::to_string(problem.heads)},
        {"kv_heads", std::to_string(problem.kv_heads)},
        {"head_dim", std::to_string(problem.head_dim)},
        {"segment_lengths", list(problem.segment_lengths)},
        {"dilation_rates", list(problem.dilation_rates)},
        {"mode", name(problem.mode)},
        {"phase", name(problem.phase)},
        {"causal", problem.causal ? "yes" : "no"},
        {"softmax_scale", fmt::format("{:a}", problem.softmax_scale)},
        {"stop_gradient_mixing", problem.stop_gradient_mixing ? "yes" : "no"},
        {"dropout", fmt::format("{:a}", problem.dropout)},
        {"dropout_seed", std::to_string(problem.dropout_seed)},
    };
}

/// The bytes that a list of messages has for every peer.
template <class Element>
std::vector<Index> bytes_per_peer(const std::vector<Message>& messages, Index peers, Element bytes_of) {
    std::vector<Index> bytes(static_cast<std::size_t>(peers));
    for (const auto& [peer, parcel] : messages) bytes[peer] += bytes_of(parcel);
    return bytes;
}

/// Throws ShapeError where a tensor has not the rank's shape, or its elements do not lie side by side.
template <class T> void check_shard(const std::string& name, TensorView<const T> tensor, const Shape& shape) {
    if (tensor.shape() != shape)
        throw ShapeError(name + ".shape",
                         fmt::format("[{}, {}, {}, {}]", tensor.shape().batch, tensor.shape().tokens,
                                     tensor.shape().heads, tensor.shape().head_dim),
                         fmt::format("must be [{}, {}, {}, {}], the rank's own tokens", shape.batch, shape.tokens,
                                     shape.heads, shape.head_dim));
    if (!tensor.is_contiguous()) throw ShapeError(name + ".strides", "not contiguous", "must be those of a Tensor");
}

template <class T> const InputsView<T>& checked(const InputsView<T>& shard,
                                                const std::optional<TensorView<const T>>& dout, const Problem& problem,
                                                Index rank) {
    Shape shape = problem.q_shape(), kv_shape = problem.kv_shape();
    shape.tokens = kv_shape.tokens = tokens_in(owned(problem, rank));
    check_shard("q", shard.q, shape);
    check_shard("k", shard.k, kv_shape);
    check_shard("v", shard.v, kv_shape);
    if (dout) check_shard("dout", *dout, shape);
    return shard;
}

} // namespace

template <class T>
DistributedAttention<T>::DistributedAttention(Communicator& communicator, const Problem& problem, Strategy strategy,
                                              const InputsView<T>& shard, std::optional<TensorView<const T>> dout)
    : communicator_(communicator), problem_(problem), strategy_(strategy),
      itinerary_(itinerary(strategy, problem, communicator.rank(), dout.has_value())),
      engine_(problem, itinerary_, checked(shard, dout, problem, communicator.rank()), dout) {
    agree_with_all();
    for (const PassName name : {PassName::attention, PassName::gradient}) {
        const auto pass = static_cast<std::size_t>(name);
        if (name == PassName::gradient && !dout) break;
        costs_[pass] = dra::cost(strategy, problem, communicator.rank(), name, sizeof(T));
        const Cost summed = sum(problem, itinerary_, name, sizeof(T));
        costs_[pass].messages_sent = summed.messages_sent;
        costs_[pass].messages_received = summed.messages_received;
        transfers_[pass] = make_transfers(name == PassName::attention ? itinerary_.attention : itinerary_.gradient,
                                          engine_, communicator);
    }
}

template <class T> void DistributedAttention<T>::agree_with_all() {
    const Index ranks = std::max(communicator_.size(), problem_.ranks); // which may be what they do not agree on
    Terms terms{terms_of(problem_, strategy_, sizeof(T)), {}, {}};
    terms.sends.resize(static_cast<std::size_t>(ranks));
    terms.receives.resize(static_cast<std::size_t>(ranks));
    const auto list = [&](std::vector<std::vector<ListedMessage>>& lists, const TransferPlan& transfer,
                          const std::vector<Message>& messages, auto bytes_of) {
        const std::vector<Index> bytes = bytes_per_peer(messages, ranks, bytes_of);
        for (std::size_t peer = 0; peer < bytes.size(); ++peer)
            if (bytes[peer] > 0) lists[peer].push_back({transfer.operation, transfer.step, bytes[peer]});
    };
    for (const Pass* pass : {&itinerary_.attention, &itinerary_.gradient})
        for (const TransferPlan& transfer : pass->transfers) {
            list(terms.sends, transfer, transfer.sends,
                 [&](const Parcel& parcel) { return engine_.rows(parcel).bytes(); });
            list(terms.receives, transfer, transfer.receives,
                 [&](const Parcel& parcel) { return engine_.mutable_rows(parcel).bytes(); });
        }
    agree(communicator_, terms);
    if (problem_.ranks != communicator_.size())
        throw ShapeError("ranks", std::to_string(problem_.ranks),
                         fmt::format("must be {}, the communicator's size", communicator_.size()));
}

/// Plays a pass, of which `work` does the visits, and counts it.
template <class T> template <class Work>
void DistributedAttention<T>::play_pass(PassName name, Index flops_per_pair_and_channel, Work work) {
    communicator_.reset_traffic();
    const Pass& pass = name == PassName::attention ? itinerary_.attention : itinerary_.gradient;
    play(pass, transfers_[static_cast<std::size_t>(name)], engine_, [&](const Visit& visit) {
        work(visit);
        communicator_.spend(static_cast<double>(flops_per_pair_and_channel * problem_.head_dim) *
                            static_cast<double>(visit.pairs));
        communicator_.show_life(); // a step may have no transfer to tell those that wait that the rank is alive
    });
    check_count(name);
}

template <class T> void DistributedAttention<T>::run() {
    engine_.begin_attention();
    play_pass(PassName::attention, 4, [&](const Visit& visit) { engine_.attend(visit); });
}

template <class T> void DistributedAttention<T>::run_gradient() {
    engine_.begin_gradient();
    play_pass(PassName::gradient, 10, [&](const Visit& visit) { engine_.add_gradient(visit); });
}

template <class T> void DistributedAttention<T>::check_count(PassName pass) const {
    const Cost& predicted = cost(pass);
    Cost counted{.pairs = predicted.pairs};
    for (const Traffic& with_peer : communicator_.traffic()) {
        counted.bytes_sent += with_peer.bytes_sent;
        counted.bytes_received += with_peer.bytes_received;
        counted.messages_sent += with_peer.messages_sent;
        counted.messages_received += with_peer.messages_received;
    }
    if (counted == predicted) return;
    throw std::logic_error(fmt::format(
        "rank {}, {}: {} bytes sent and {} received in {} and {} messages; {} and {} in {} and {} were predicted",
        communicator_.rank(), name(strategy_), counted.bytes_sent, counted.bytes_received, counted.messages_sent,
        counted.messages_received, predicted.bytes_sent, predicted.bytes_received, predicted.messages_sent,
        predicted.messages_received));
}

template class DistributedAttention<float>;
template class DistributedAttention<double>;

} // namespace dra::distributed
