#include "cli/heat_map.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace dra::cli {
namespace {

using defects::Count, defects::RowErrors;

constexpr Index columns_at_most = 64;

/// The worst error of a head's tokens [begin, end).
double worst(const RowErrors& errors, Index b, Index h, Index begin, Index end) {
    double largest = 0;
    for (Index n = begin; n < end; ++n) {
        const double share = errors.of(b, h, n);
        if (!(share <= largest)) largest = share;
    }
    return largest;
}

/// How bad, in five steps: within the bound, up to ten times it, a thousand times, beyond, not finite.
int step(double share) { return share <= 1 ? 0 : share <= 10 ? 1 : share <= 1000 ? 2 : std::isfinite(share) ? 3 : 4; }

/// Tokens to columns: as many tokens in each.
struct Columns {
    Index tokens, width, count;
    explicit Columns(Index n) : tokens(n), width(ceil_div(n, columns_at_most)), count(ceil_div(n, width)) {}
    Index begin(Index column) const { return column * width; }
    Index end(Index column) const { return std::min((column + 1) * width, tokens); }
};

/// Tokens at which a chunk begins, the first one apart.
std::vector<Index> borders(const RowErrors& errors, const Problem& problem) {
    std::vector<Index> at;
    for (const Count& chunk : by_chunk(errors, problem))
        if (chunk.tokens.begin > 0) at.push_back(chunk.tokens.begin);
    return at;
}

} // namespace

std::string text_heat_map(const RowErrors& errors, const Problem& problem) {
    const Columns columns(errors.tokens);
    std::string text;
    for (Index b = 0; b < errors.batch; ++b)
        for (Index h = 0; h < errors.heads; ++h) {
            text += fmt::format("  {:>4} b{} h{:<3} ", errors.tensor, b, h);
            for (Index column = 0; column < columns.count; ++column)
                text += ".-+#!"[step(worst(errors, b, h, columns.begin(column), columns.end(column)))];
            text += '\n';
        }
    std::string marks(static_cast<std::size_t>(columns.count), ' ');
    for (const Index border : borders(errors, problem)) marks[border / columns.width] = '^';
    if (problem.ranks > 1) text += fmt::format("{:14}{} chunks begin\n", "", marks);
    return text;
}

std::string svg_heat_map(const std::vector<RowErrors>& tensors, const Problem& problem) {
    constexpr Index left = 110, cell_height = 12, top = 34, title = 22;
    constexpr const char* colours[] = {"#e8efe8", "#f6d58e", "#ee9a4d", "#c8402f", "#3b0a45"};
    constexpr const char* meanings[] = {"within the bound", "to 10 times", "to 1000 times", "beyond", "not finite"};
    const Columns columns(problem.tokens);
    const double cell = 640.0 / static_cast<double>(columns.count);
    Index height = top;
    for (const RowErrors& errors : tensors) height += title + errors.batch * errors.heads * cell_height + 10;

    std::string svg;
    const auto add = [&]<class... Values>(fmt::format_string<Values...> format, Values&&... values) {
        fmt::format_to(std::back_inserter(svg), format, std::forward<Values>(values)...);
    };
    add("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"770\" height=\"{}\" font-family=\"sans-serif\" "
        "font-size=\"11\">\n"
        "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        height);
    for (int i = 0; i < 5; ++i)
        add("<rect x=\"{0}\" y=\"8\" width=\"11\" height=\"11\" fill=\"{1}\"/><text x=\"{2}\" y=\"17\">{3}</text>\n",
            left + 128 * i, colours[i], left + 128 * i + 16, meanings[i]);
    Index y = top;
    for (const RowErrors& errors : tensors) {
        add("<text x=\"8\" y=\"{}\" font-weight=\"bold\">{}</text>\n", y + 14, errors.tensor);
        y += title;
        const Index first = y;
        for (Index b = 0; b < errors.batch; ++b)
            for (Index h = 0; h < errors.heads; ++h, y += cell_height) {
                add("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">batch {} head {}</text>\n", left - 8, y + 10, b, h);
                for (Index column = 0; column < columns.count; ++column)
                    add("<rect x=\"{:.2f}\" y=\"{}\" width=\"{:.2f}\" height=\"{}\" fill=\"{}\"/>\n",
                        left + cell * static_cast<double>(column), y, cell * 0.96, cell_height - 1,
                        colours[step(worst(errors, b, h, columns.begin(column), columns.end(column)))]);
            }
        if (problem.ranks > 1)
            for (const Index border : borders(errors, problem))
                add("<line x1=\"{0:.2f}\" x2=\"{0:.2f}\" y1=\"{1}\" y2=\"{2}\" stroke=\"black\"/>"
                    "<text x=\"{0:.2f}\" y=\"{3}\" text-anchor=\"middle\" font-size=\"9\">{4}</text>\n",
                    left + 640.0 * static_cast<double>(border) / static_cast<double>(columns.count * columns.width),
                    first - 3, y, first - 5, border);
        y += 10;
    }
    return svg + "</svg>\n";
}

} // namespace dra::cli
