#include "reference/published/mask_panels.hpp"

#include <doctest/doctest.h>

namespace dra::published {
namespace {

TEST_CASE("loops, comparison and extents let the same pairs through, those of the definition") {
    Index compared = 0;
    for (Index n_q : {1, 2, 7, 64})
        for (Index n_kv : {1, 3, 16})
            for (Index offset : {0, 1, 5, 63, 80}) {
                const CausalMask loops = fix_1::before(n_q, n_kv, offset), comparison = fix_1::after(n_q, n_kv, offset),
                                 extents = fix_1::principled(n_q, n_kv, offset);
                for (Index i = 0; i < n_q; ++i)
                    for (Index j = 0; j < n_kv; ++j, ++compared) {
                        const bool seen = offset + j <= i;
                        CHECK(loops.dense(i, j) == seen);
                        CHECK(comparison.dense(i, j) == seen);
                        CHECK((j < extents.extents[i]) == seen);
                    }
                CHECK(loops.elements() == n_q * n_kv);
                CHECK(comparison.elements() == n_q * n_kv);
                CHECK(extents.elements() == n_q);
                CHECK(loops.visible_pairs() == extents.visible_pairs());
            }
    CHECK(compared == (1 + 2 + 7 + 64) * (1 + 3 + 16) * 5);
}

/// Asks panels, tile by tile, which pairs survive, and compares with the definition.
template <class T, class Panels> void check_panels(const Panels& panels, const Masking& masking) {
    const auto& [queries, keys, causal] = masking.visibility;
    for (Index i0 = 0; i0 < masking.rows; i0 += kernel::lanes<T>) {
        const Index rows = std::min<Index>(kernel::lanes<T>, masking.rows - i0);
        const auto panel = panels.template panel<T>(i0, rows);
        for (Index j = 0; j < masking.keys; j += kernel::strip) {
            kernel::Microtile<T> scores{};
            if (j + kernel::strip > panel.full) panel.mask(j, scores);
            for (int lane = 0; lane < rows; ++lane)
                for (int i = 0; i < kernel::strip; ++i) {
                    const Index key = j + i, query = queries[(i0 + lane) % queries.count];
                    const bool seen = key < keys.count && (!causal || keys[key] <= query);
                    const bool computed = key < panel.end && scores.r[i].get(lane) == T(0);
                    if (seen != computed) FAIL_CHECK("query ", query, ", key ", key, " of ", keys.count);
                }
        }
    }
}

template <class T> Index check_sights() {
    Index checked = 0;
    constexpr Index n = 200, chunk_begin = 40, chunk_end = 150;
    const CausalMask mask = fix_1::after(n, chunk_end - chunk_begin, chunk_begin);
    for (const Index stride : {1, 2, 3, 4, 8})
        for (const Index segment_begin : {0, 20, 120, 160})
            for (const bool repeated : {false, true}) {
                const Positions queries = Positions{segment_begin + stride / 2, stride, n}.within(segment_begin, n);
                const Positions keys = queries.within(chunk_begin, chunk_end);
                if (keys.empty()) continue;
                Masking masking = Masking::of({queries, keys, true}, &mask);
                if (repeated)
                    masking.rows = n - segment_begin, masking.keys = keys.count * stride, masking.every_tile = true;
                CAPTURE(stride);
                CAPTURE(segment_begin);
                CAPTURE(repeated);
                check_panels<T>(DenseMaskPanels{masking}, masking);
                masking.mask = nullptr;
                check_panels<T>(RepeatedExtentPanels{masking}, masking);
                masking.visibility.causal = false;
                check_panels<T>(RepeatedExtentPanels{masking}, masking);
                ++checked;
            }
    return checked;
}

TEST_CASE("dense and repeated panels mask what the definition does not allow") {
    CHECK(check_sights<float>() == 30);
    CHECK(check_sights<double>() == 30);
}

} // namespace
} // namespace dra::published
