#include "reference/attention/views.hpp"
#include "tests/problems.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

namespace dra::test {
namespace {

TEST_CASE("a view's rows and the gaps between them are its segment, each token once") {
    Index gaps = 0;
    for (Index tokens = 1; tokens <= 14; ++tokens)
        for (Index w = 1; w <= tokens + 2; ++w)
            for (Index r = 1; r <= w; ++r)
                for (Index phase = 0; phase < r; ++phase) {
                    const Pattern pattern{w, r, phase};
                    for (Index s = 0; s < pattern.segments(tokens); ++s) {
                        const View view{0, 0, s, pattern, pattern.selected(s, tokens), Combine::store};
                        std::vector<Index> found, expected;
                        const auto add = [&](const Positions& rows) {
                            for (Index t = 0; t < rows.count; ++t) found.push_back(rows[t]);
                        };
                        add(view.positions);
                        for (Index t = 0; t <= view.positions.count; ++t) add(view.left_out(t, tokens));
                        for (Index n = s * w; n < std::min((s + 1) * w, tokens); ++n) expected.push_back(n);
                        std::ranges::sort(found);
                        REQUIRE(found == expected);
                        REQUIRE(view.left_out(view.positions.count + 1, tokens).empty());
                        gaps += view.positions.count + 1;
                    }
                }
    CHECK(gaps > 10'000);
}

} // namespace
} // namespace dra::test
