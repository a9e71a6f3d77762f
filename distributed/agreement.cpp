#include "distributed/agreement.hpp"

#include <fmt/format.h>

#include <algorithm>
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
        text += fmt::format("{} step {}\t{} bytes\n", operation, step, bytes);
    return text;
}

std::string text_of(const std::vector<std::pair<std::string, std::string>>& common) {
    std::string text;
    for (const auto& [name, value] : common) text += name + '\t' + value + '\n';
    return text;
}

/// The lines of a text: name and value.
std::vector<std::pair<std::string, std::string>> lines_of(const std::string& text) {
    std::vector<std::pair<std::string, std::string>> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        const std::size_t tab = line.find('\t');
        lines.emplace_back(line.substr(0, tab), line.substr(tab + 1));
    }
    return lines;
}

/// The first line in which two texts differ, said by `say(name, one value, the other value)`; a line may be missing on
/// either side.
template <class Say> std::string first_difference(const std::string& one, const std::string& other, Say say) {
    const auto lines = lines_of(one), others = lines_of(other);
    const auto differing = std::ranges::mismatch(lines, others);
    const auto mine = differing.in1, theirs = differing.in2;
    if (mine == lines.end() && theirs == others.end()) return "";
    const auto is_theirs = [&](const auto& line) { return line.first == mine->first; };
    if (mine == lines.end() || (theirs != others.end() && std::any_of(theirs + 1, others.end(), is_theirs)))
        return say(theirs->first, "nothing", theirs->second);
    const bool both = theirs != others.end() && is_theirs(*theirs);
    return say(mine->first, mine->second, both ? theirs->second : "nothing");
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

    Index peer() const { return peer_; }

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
                return fmt::format("in {} rank {} sends rank {} {}, and rank {} expects {}", name, from, to, sent, to,
                                   expected);
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

/// What a rank found: from how many others it differs, and how long the text is that says in what.
struct Verdict {
    Index differing = 0, length = 0;
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

    Exchange digests{"agreement", 0, {}, {}}, texts{"agreement", 1, {}, {}}, verdicts{"agreement", 2, {}, {}},
        reasons{"agreement", 3, {}, {}};
    for (Pair& pair : pairs) pair.append_digests(digests);
    exchange_now(communicator, std::move(digests));
    for (Pair& pair : pairs)
        if (pair.differs()) pair.append_texts(texts);
    exchange_now(communicator, std::move(texts));

    Verdict own;
    std::string difference;
    Index peer = rank;
    for (const Pair& pair : pairs) {
        if (!pair.differs()) continue;
        if (own.differing++ == 0) difference = pair.difference(), peer = pair.peer();
    }
    own.length = std::ssize(difference);

    // Who differs from nobody is told, too, that others do, and in what.
    std::vector<Verdict> found(static_cast<std::size_t>(communicator.size()));
    for (const Pair& pair : pairs) {
        verdicts.sends.push_back(send_of(pair.peer(), own));
        verdicts.receives.push_back(receive_of(pair.peer(), found[pair.peer()]));
    }
    exchange_now(communicator, std::move(verdicts));
    std::vector<std::string> said(found.size());
    for (const Pair& pair : pairs) {
        const Index length = found[pair.peer()].length;
        std::string& text = said[pair.peer()];
        text.resize(static_cast<std::size_t>(length));
        if (own.length > 0)
            reasons.sends.push_back(
                {pair.peer(), {reinterpret_cast<const std::byte*>(difference.data()), 1, own.length, own.length}});
        if (length > 0)
            reasons.receives.push_back({pair.peer(), {reinterpret_cast<std::byte*>(text.data()), 1, length, length}});
    }
    exchange_now(communicator, std::move(reasons));

    // Believed to be at fault is who differs from most, and of two rather the other.
    const auto most = std::ranges::max_element(found, {}, &Verdict::differing);
    if (own.differing == 0 && most->differing == 0) return;
    const Index suspect = own.differing > most->differing ? rank : most - found.begin();
    if (difference.empty()) difference = said[suspect], peer = suspect;
    throw CommError({rank, peer, suspect, 0, "agreement", {}, difference});
}

} // namespace dra::distributed
