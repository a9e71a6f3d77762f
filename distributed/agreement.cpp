#include "distributed/agreement.hpp"

#include <fmt/format.h>

#include <array>
#include <sstream>

namespace dra::distributed {
namespace {

template <class Value> Send send_of(Index peer, const Value& value) {
    constexpr Index size = sizeof(Value);
    return {peer, {reinterpret_cast<const std::byte*>(&value), 1, size, size}};
}
template <class Value> Receive receive_of(Index peer, Value& value) {
    constexpr Index size = sizeof(Value);
    return {peer, {reinterpret_cast<std::byte*>(&value), 1, size, size}};
}

std::string text_of(const std::vector<ListedMessage>& messages) {
    std::string text;
    for (const auto& [operation, step, bytes] : messages)
        text += fmt::format("{} step {}\t{}\n", operation, step, bytes);
    return text;
}

std::string text_of(const std::vector<std::pair<std::string, std::string>>& common) {
    std::string text;
    for (const auto& [name, value] : common) text += name + '\t' + value + '\n';
    return text;
}

/// A line of a text: name and value.
std::pair<std::string, std::string> next_line(std::istringstream& text) {
    std::string line;
    if (!std::getline(text, line)) return {"", ""};
    const std::size_t tab = line.find('\t');
    return {line.substr(0, tab), line.substr(tab + 1)};
}

/// The first line in which two texts differ, said by `say(name, one value, the other value)`.
template <class Say> std::string first_difference(const std::string& one, const std::string& other, Say say) {
    std::istringstream one_text(one), other_text(other);
    for (;;) {
        const auto [name, value] = next_line(one_text);
        const auto [other_name, other_value] = next_line(other_text);
        if (name != other_name)
            return say(name.empty() ? other_name : name, name.empty() ? "nothing" : value,
                       name.empty() ? other_value : "nothing");
        if (value != other_value) return say(name, value, other_value);
        if (name.empty()) return "";
    }
}

/// What a rank and one peer compare: the common terms, what the rank with the lower number sends, and what it receives.
struct Digests {
    std::array<std::uint64_t, 3> of_text, lengths;
};

class Pair {
public:
    Pair(const Terms& terms, Index rank, Index peer) : rank_(rank), peer_(peer) {
        const std::string sends = text_of(terms.sends[peer]), receives = text_of(terms.receives[peer]);
        texts_ = {text_of(terms.common), rank < peer ? sends : receives, rank < peer ? receives : sends};
        for (std::size_t i = 0; i < texts_.size(); ++i)
            own_.of_text[i] = digest(texts_[i]), own_.lengths[i] = texts_[i].size();
    }

    void append_digests(Exchange& exchange) {
        exchange.sends.push_back(send_of(peer_, own_));
        exchange.receives.push_back(receive_of(peer_, others_));
    }

    /// Both sides find the same.
    bool differs() const { return own_.of_text != others_.of_text || own_.lengths != others_.lengths; }

    void append_texts(Exchange& exchange) {
        for (std::size_t i = 0; i < texts_.size(); ++i) {
            others_texts_[i].resize(others_.lengths[i]);
            const auto own = static_cast<Index>(texts_[i].size()), other = static_cast<Index>(others_texts_[i].size());
            exchange.sends.push_back({peer_, {reinterpret_cast<const std::byte*>(texts_[i].data()), 1, own, own}});
            exchange.receives.push_back(
                {peer_, {reinterpret_cast<std::byte*>(others_texts_[i].data()), 1, other, other}});
        }
    }

    std::string difference() const {
        const Index low = std::min(rank_, peer_), high = std::max(rank_, peer_);
        const auto &low_texts = rank_ < peer_ ? texts_ : others_texts_,
                   &high_texts = rank_ < peer_ ? others_texts_ : texts_;
        const auto common = [&](const std::string& name, const std::string& one, const std::string& other) {
            return fmt::format("ranks {} and {} differ in {}: {} and {}", low, high, name, one, other);
        };
        const auto list = [](Index from, Index to) {
            return [from, to](const std::string& name, const std::string& sent, const std::string& expected) {
                return fmt::format("in {} rank {} sends rank {} {} bytes, and rank {} expects {}", name, from, to, sent,
                                   to, expected);
            };
        };
        std::string found = first_difference(low_texts[0], high_texts[0], common);
        if (found.empty()) found = first_difference(low_texts[1], high_texts[1], list(low, high));
        if (found.empty()) found = first_difference(high_texts[2], low_texts[2], list(high, low));
        return found;
    }

private:
    Index rank_, peer_;
    std::array<std::string, 3> texts_, others_texts_;
    Digests own_ = {}, others_ = {};
};

void exchange_now(Communicator& communicator, Exchange exchange) {
    const std::unique_ptr<Transfer> transfer = communicator.transfer(std::move(exchange));
    transfer->start();
    transfer->wait();
}

} // namespace

std::uint64_t digest(const std::string& text) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash;
}

void agree(Communicator& communicator, const Terms& terms) {
    const Index rank = communicator.rank();
    std::vector<Pair> pairs;
    for (Index peer = 0; peer < communicator.size(); ++peer)
        if (peer != rank) pairs.emplace_back(terms, rank, peer);

    Exchange digests{"agreement", 0, {}, {}}, texts{"agreement", 1, {}, {}}, verdicts{"agreement", 2, {}, {}};
    for (Pair& pair : pairs) pair.append_digests(digests);
    exchange_now(communicator, std::move(digests));
    for (Pair& pair : pairs)
        if (pair.differs()) pair.append_texts(texts);
    exchange_now(communicator, std::move(texts));

    // Who differs from nobody must be told, too, that others do.
    std::string difference;
    for (const Pair& pair : pairs)
        if (pair.differs() && difference.empty()) difference = pair.difference();
    const std::uint8_t own = difference.empty() ? 0 : 1;
    std::vector<std::uint8_t> differing(static_cast<std::size_t>(communicator.size()));
    for (Index peer = 0; peer < communicator.size(); ++peer)
        if (peer != rank) {
            verdicts.sends.push_back(send_of(peer, own));
            verdicts.receives.push_back(receive_of(peer, differing[peer]));
        }
    exchange_now(communicator, std::move(verdicts));
    const auto other = std::ranges::find(differing, 1);
    if (difference.empty() && other == differing.end()) return;
    const Index suspect = difference.empty() ? other - differing.begin() : rank;
    throw CommError({rank,
                     suspect,
                     suspect,
                     0,
                     "agreement",
                     {},
                     difference.empty() ? fmt::format("rank {} differs from another", suspect) : difference});
}

} // namespace dra::distributed
