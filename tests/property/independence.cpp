#include "reference/attention/dilated_attention.hpp"
#include "reference/ring/ring_attention.hpp"
#include "tests/attention/view.hpp"
#include "tests/property/draw.hpp"

#include <omp.h>

namespace dra::test {
namespace {

TEST_CASE_TEMPLATE("the result depends neither on R nor on the layout", T, float, double) {
    for_all([] {
        const RandomInputs<T> inputs(draw_problem({.tokens = 20, .head_dim = 6}));
        const Index most_ranks = 2 * inputs.problem.tokens + 1;
        const Problem one = inputs.on_ring(draw_index(1, most_ranks), Layout::contiguous),
                      other = inputs.on_ring(draw_index(1, most_ranks), layouts[draw_index(1, 2)]);
        const Attention<T> x = ring_attention<T>(one, inputs);
        const Attention<T> y = ring_attention<T>(other, inputs);
        const Attention<T> z = dilated_attention<T>(inputs.problem, inputs);
        const Oracle truth = inputs.truth();
        const double found = std::max(ratio(inputs.problem, truth, x, y), ratio(inputs.problem, truth, y, z));
        RC_ASSERT(found <= forward_bound);
        return found;
    });
}

/// Where [0, count) is cut: 0, some places in order, count.
std::vector<Index> draw_cuts(Index count) {
    std::vector<Index> cuts{0, count};
    for (Index more = draw_index(0, 4); more > 0; --more) cuts.push_back(draw_index(0, count));
    std::ranges::sort(cuts);
    return cuts;
}

TEST_CASE_TEMPLATE("the result does not depend on how queries and keys are cut into tiles", T, float, double) {
    for_all([] {
        const auto positions = [] { return Positions{draw_index(0, 50), draw_index(1, 3), draw_index(1, 70)}; };
        View<T> view({positions(), positions(), draw_index(0, 1) == 1}, draw_index(2, 12),
                     static_cast<std::uint64_t>(draw_index(0, 1000)));
        view.v.view().rows(0, 0).col(0).setOnes(); // as in Inputs
        const std::vector<Index> queries = draw_cuts(view.queries()), keys = draw_cuts(view.keys());
        const bool backwards = draw_index(0, 1) == 1;

        Attention<T> by_tiles = poisoned<T>(view.problem());
        clear(Partial<T>{by_tiles.out.view().rows(0, 0), by_tiles.lse.rows(0, 0, {0, 1, view.queries()})});
        for (std::size_t i = 0; i + 1 < queries.size(); ++i)
            for (std::size_t step = 0; step + 1 < keys.size(); ++step) {
                const std::size_t j = backwards ? keys.size() - 2 - step : step;
                view.attend(queries[i], queries[i + 1] - queries[i], keys[j], keys[j + 1] - keys[j], by_tiles,
                            Combine::merge);
            }
        const double found = ratio(view.problem(), view.truth(), by_tiles, view.attend());
        RC_ASSERT(found <= forward_bound);
        return found;
    });
}

TEST_CASE_TEMPLATE("queries cut anywhere give the same rows bit for bit", T, float, double) {
    for_all([] {
        const View<T> view({{draw_index(0, 50), draw_index(1, 3), draw_index(1, 100)},
                            {draw_index(0, 50), 1, draw_index(1, 70)},
                            false},
                           draw_index(1, 12), 1);
        const std::vector<Index> queries = draw_cuts(view.queries());
        Attention<T> by_parts = poisoned<T>(view.problem());
        for (std::size_t i = 0; i + 1 < queries.size(); ++i)
            view.attend(queries[i], queries[i + 1] - queries[i], 0, view.keys(), by_parts, Combine::store);
        RC_ASSERT(same(by_parts, view.attend()));
        return 0;
    });
}

TEST_CASE_TEMPLATE("the result is the same, bit for bit, for every number of threads", T, float, double) {
    const int threads = omp_get_max_threads();
    for_all([] {
        const RandomInputs<T> inputs(draw_problem({.tokens = 100, .head_dim = 6}));
        omp_set_num_threads(1);
        const Attention<T> expected = dilated_attention<T>(inputs.problem, inputs);
        for (const int team : {2, 3, 4}) {
            omp_set_num_threads(team);
            Attention<T> result = poisoned<T>(inputs.problem);
            dilated_attention<T>(inputs.problem, inputs, result);
            RC_ASSERT(same(result, expected));
        }
        return 0;
    });
    omp_set_num_threads(threads);
}

} // namespace
} // namespace dra::test
