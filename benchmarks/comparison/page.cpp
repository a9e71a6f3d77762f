#include "benchmarks/comparison/page.hpp"

namespace dra::benchmarks {

std::string wrapped(const std::string& words, std::size_t indent) {
    std::string text;
    std::size_t used = indent;
    for (std::size_t begin = 0; begin < words.size();) {
        const std::size_t end = std::min(words.find(' ', begin), words.size());
        if (used + end - begin + 1 > page_columns && used > indent) {
            text += '\n' + std::string(indent, ' ');
            used = indent;
        } else if (used > indent) {
            text += ' ', ++used;
        }
        text += words.substr(begin, end - begin);
        used += end - begin;
        begin = end + 1;
    }
    return text;
}

} // namespace dra::benchmarks
