#include "reference/attention/panel.hpp"
#include "tests/attention/view.hpp"

#include <doctest/doctest.h>

#include <set>

namespace dra::test {
namespace {

using kernel::lanes, kernel::strip;

/// What a panel asked of ExtentPanels: its end, and the strips of keys for which it did causal work.
struct PanelRequest {
    Index i0, rows, end;
    std::multiset<Index> masked;
};

/// ExtentPanels that writes down what it is asked.
struct CountingPanels {
    kernel::ExtentPanels panels;
    std::vector<PanelRequest>* log;

    template <class T> struct Panel {
        Index end, full;
        kernel::ExtentPanels::Panel<T> inner;
        std::multiset<Index>* masked;

        void mask(Index j, kernel::Microtile<T>& s) const {
            masked->insert(j);
            inner.mask(j, s);
        }
    };

    template <class T> Panel<T> panel(Index i0, Index rows) const {
        const auto inner = panels.panel<T>(i0, rows);
        log->push_back({i0, rows, inner.end, {}});
        return {inner.end, inner.full, inner, &log->back().masked};
    }
};

/// attend(), logged.
template <class T> std::vector<PanelRequest> log_of(const View<T>& view, Attention<T>& result) {
    const auto q = view.q.view().rows(0, 0), k = view.k.view().rows(0, 0), v = view.v.view().rows(0, 0);
    kernel::PackedKeys<T> packed;
    packed.resize(k.rows(), k.cols());
    packed.pack(k, v, 0, k.rows());
    kernel::PanelWorkspace<T> space(q.cols());
    std::vector<PanelRequest> log;
    log.reserve(static_cast<std::size_t>(q.rows())); // entries are pointed to
    result = poisoned<T>(view.problem());
    const Partial<T> into{result.out.view().rows(0, 0), result.lse.rows(0, 0, {0, 1, q.rows()})};
    kernel::attend_rows(
        q, kernel::PackedView{packed, CountingPanels{{view.visibility}, &log}, static_cast<T>(view.softmax_scale)},
        into, Combine::store, space);
    return log;
}

struct Case {
    Positions queries, keys;
};
const Case cases[] = {
    {{0, 1, 300}, {0, 1, 300}},   // the diagonal
    {{100, 1, 200}, {0, 1, 100}}, // a shard of the past: all visible
    {{0, 1, 100}, {100, 1, 200}}, // of the future: nothing visible
    {{0, 1, 97}, {40, 1, 301}},   // begins before the keys, ends among them
    {{2, 3, 150}, {0, 2, 333}},   // strides that differ
    {{0, 1, 600}, {500, 1, 600}}, // the first tiles of rows see nothing
    {{7, 5, 130}, {7, 5, 130}},   // one phase of a dilated segment
};

TEST_CASE_TEMPLATE("causal work is done on the strips that a diagonal crosses, and on no others", T, float, double) {
    Index worked = 0, visited = 0;
    for (const Case& example : cases)
        for (const bool causal : {false, true}) {
            const Positions &queries = example.queries, &keys = example.keys;
            CAPTURE(queries.first);
            CAPTURE(keys.first);
            CAPTURE(causal);
            const View<T> view({queries, keys, causal}, 4, 1);
            Attention<T> result;
            const std::vector<PanelRequest> log = log_of(view, result);
            CHECK(view.judge(result).within_bounds());

            Index covered = 0;
            for (const auto& [i0, rows, end, masked] : log) {
                CHECK(i0 == covered);
                covered += rows;
                Index seen_by_any = 0, seen_by_all = 0; // keys are seen from the first on
                for (Index j = 0; j < keys.count; ++j) {
                    Index rows_that_see = 0;
                    for (Index i = i0; i < i0 + rows; ++i) rows_that_see += view.sees(i, j);
                    seen_by_any += rows_that_see > 0;
                    seen_by_all += rows_that_see == rows;
                }
                CHECK(end == seen_by_any);
                std::multiset<Index> crossed; // a last strip that keys do not fill is masked as well
                for (Index j = 0; j < seen_by_any; j += strip)
                    if (j + strip > seen_by_all) crossed.insert(j);
                CHECK(masked == crossed);
                worked += static_cast<Index>(masked.size());
                visited += ceil_div(end, strip);
                if (!causal) CHECK(masked.size() <= 1);
            }
            CHECK(covered == queries.count);
        }
    MESSAGE("strips with causal work ", worked, " of ", visited, " visited");
    CHECK(worked < visited / 2);
}

/// Keys from which on a panel sees nothing cannot have been read when the values there are NaN and the result is not.
TEST_CASE_TEMPLATE("keys that no row of a panel sees are not visited", T, float, double) {
    const T nan = std::numeric_limits<T>::quiet_NaN();
    for (const auto& [queries, keys] : cases) {
        View<T> view({queries, keys, true}, 11, 1);
        const Attention<T> clean = view.attend();
        for (Index i0 = 0; i0 < queries.count; i0 += lanes<T>) {
            const Index rows = std::min<Index>(lanes<T>, queries.count - i0);
            Index end = 0;
            while (end < keys.count && view.sees(i0 + rows - 1, end)) ++end;
            for (Index j = end; j < keys.count; ++j) {
                view.k.view().row(0, j, 0)[0] = nan;
                view.v.view().rows(0, 0).row(j).setConstant(nan);
            }
            const Attention<T> result = view.attend();
            const Positions panel{i0, 1, rows};
            CHECK(result.out.view().rows(0, 0, panel) == clean.out.view().rows(0, 0, panel));
            for (Index i = i0; i < i0 + rows; ++i) CHECK(result.lse(0, 0, i) == clean.lse(0, 0, i));
            view = View<T>({queries, keys, true}, 11, 1);
        }
    }
}

TEST_CASE("the pairs of a causal dense view are half of all, visited ones little more") {
    constexpr Index n = 4096;
    std::vector<PanelRequest> log;
    log.reserve(n);
    const Visibility diagonal{{0, 1, n}, {0, 1, n}, true};
    const CountingPanels panels{{diagonal}, &log};
    Index visited = 0;
    for (Index i0 = 0; i0 < n; i0 += lanes<float>) visited += panels.panel<float>(i0, lanes<float>).end * lanes<float>;
    MESSAGE("visited pairs ", visited, " of ", diagonal.pairs(), " visible");
    CHECK(diagonal.pairs() == n * (n + 1) / 2);
    CHECK(visited >= diagonal.pairs());
    CHECK(visited <= diagonal.pairs() + n * lanes<float> / 2);
}

} // namespace
} // namespace dra::test
