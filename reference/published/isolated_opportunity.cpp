#include "reference/published/isolated_opportunity.hpp"

#include "reference/published/opportunity_6_memory_pool.hpp"
#include "reference/published/opportunity_7_pattern_caching.hpp"

#include <memory>

namespace dra::published {
namespace {

/// Opportunity 6: the temporaries of a call.
template <class T> struct Temporaries {
    Problem problem;
    Rung rung;
    std::unique_ptr<Memory<T>> memory{};
    Counts counts{};

    void forget() { memory = opportunity_6::memory<T>(rung, problem); }
    void run() {
        opportunity_6::take_all(problem, *memory);
        counts = {};
        counts.bytes_kept = memory->bytes_kept();
    }
};

template <class T> IsolatedTopic isolate_memory_pool(Rung rung, const Problem& problem) {
    const auto temporaries = std::make_shared<Temporaries<T>>(Temporaries<T>{problem, rung});
    temporaries->forget();
    return {.absent = "",
            .keeps = rung == Rung::after,
            .run = [temporaries] { temporaries->run(); },
            .forget = [temporaries] { temporaries->forget(); },
            .counts = [temporaries] { return temporaries->counts; },
            .verify =
                [temporaries](const Oracle&) {
                    return Verification{opportunity_6::keeps_apart(temporaries->problem, *temporaries->memory)};
                }};
}

/// Opportunity 7: which rows the views of a call have.
struct ViewRows {
    Problem problem;
    Rung rung;
    opportunity_7::PatternCache cache{};
    Counts counts{};
    Index last_rows = 0; ///< the last rows of all views, added up, so that no list is made in vain

    void run() {
        counts = {};
        last_rows = 0;
        for_each_view(problem, [&](Index pattern, const View& view) {
            switch (rung) {
            case Rung::before: last_rows += opportunity_7::list(view.positions, counts).back(); break;
            case Rung::after: last_rows += cache.get(pattern, view, counts).back(); break;
            default: last_rows += view.positions[view.positions.count - 1];
            }
        });
        counts.bytes_kept = cache.bytes();
    }

    /// Every row of every view against the definition, by division and remainder; twice, so that what is kept is
    /// judged.
    Verification verify() {
        bool right = true;
        for (int call = 0; call < 2; ++call) {
            Index found = 0;
            for_each_view(problem, [&](Index pattern, const View& view) {
                const std::vector<Index> rows = rung == Rung::after ? cache.get(pattern, view, counts)
                                                                    : opportunity_7::list(view.positions, counts);
                for (const Index n : rows) right = right && selects(view, n);
                found += static_cast<Index>(rows.size());
            });
            right = right && found == selected();
        }
        return {right};
    }

private:
    static bool selects(const View& view, Index n) {
        const auto [w, r, o] = view.pattern;
        return n / w == view.segment && n % w >= o && (n % w - o) % r == 0;
    }
    Index selected() const {
        Index rows = 0;
        for (Index i = 0; i < problem.patterns(); ++i)
            for (Index g = 0; g < problem.kv_heads; ++g) {
                if (!uses(problem, i, g)) continue;
                const auto [w, r, o] = pattern_of(problem, i, g);
                for (Index n = 0; n < problem.tokens; ++n) rows += n % w >= o && (n % w - o) % r == 0;
            }
        return rows * problem.batch;
    }
};

IsolatedTopic isolate_pattern_caching(Rung rung, const Problem& problem) {
    const auto rows = std::make_shared<ViewRows>(ViewRows{problem, rung});
    return {.absent = "",
            .keeps = rung == Rung::after,
            .run = [rows] { rows->run(); },
            .forget = [rows] { rows->cache = {}; },
            .counts = [rows] { return rows->counts; },
            .verify = [rows](const Oracle&) { return rows->verify(); }};
}

IsolatedTopic only_whole() {
    IsolatedTopic nothing{};
    nothing.absent = "a whole call, and nothing alone";
    return nothing;
}

} // namespace

template <class T> IsolatedTopic isolate_opportunity(Topic opportunity, Rung rung, const Problem& problem) {
    switch (opportunity) {
    case Topic::memory_pool: return isolate_memory_pool<T>(rung, problem);
    case Topic::pattern_caching: return isolate_pattern_caching(rung, problem);
    default: return only_whole();
    }
}

template IsolatedTopic isolate_opportunity<float>(Topic, Rung, const Problem&);
template IsolatedTopic isolate_opportunity<double>(Topic, Rung, const Problem&);

} // namespace dra::published
