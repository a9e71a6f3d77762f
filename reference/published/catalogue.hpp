#pragma once
/// \file
/// The catalogue: every topic once, as data. Tests, benchmarks and documentation iterate over it.

#include "reference/published/rung.hpp"

#include <optional>
#include <vector>

namespace dra::published {

/// What a claim is about, and so what it is judged by.
enum class Quantity {
    speed_up, ///< time of claim.from / time of claim.to, end to end, at the largest length
    exponent, ///< the exponent of n, fitted to the counted mask elements of claim.to: the complexity
    none,     ///< no number was claimed; claim.fact settles it
};

/// One promise of the report.
struct Claim {
    std::string words; ///< the words of the report
    Quantity quantity = Quantity::none;
    double low = 0, high = 0;      ///< the claim holds inside [low, high]; both 0 without a number
    std::string reading;           ///< how the words became the range
    Rungs from{}, to{};            ///< the two pipelines that are compared, where the topic is a fix
    std::optional<bool> causal{};  ///< the causality under which it is judged; either, when absent
    bool reached_upstream = false; ///< whether calls of the class ever came through the changed code
    std::string fact;              ///< what was measured on the class
};

/// A form of a topic in words.
struct Words {
    std::string title;
    std::string sentence;
};

/// A rung in words, and what it is on a GPU where that is something else.
struct RungEntry {
    Words words;
    std::optional<Words> on_gpu{};
};

/// A topic: its names, what it teaches, its rungs in words, and what the report claims of it.
struct Entry {
    Topic topic;
    std::string id;      ///< "causal-mask"
    std::string title;   ///< "Causal mask"
    std::string section; ///< its heading in the report
    std::string teaches;
    PerRung<RungEntry> rungs;
    std::vector<Claim> claims;

    Index number() const { return published::number(topic); }
    /// A rung in words, on this CPU or on a GPU.
    const Words& words(Rung rung, bool on_gpu) const {
        const RungEntry& entry = rungs[rung];
        return on_gpu && entry.on_gpu ? *entry.on_gpu : entry.words;
    }
};

/// The five fixes and the four opportunities, in the report's order.
const std::vector<Entry>& catalogue();
const Entry& entry(Topic topic);

/// What the report claims of all fixes together.
const std::vector<Claim>& overall_claims();

} // namespace dra::published
