#include "reference/definition/error.hpp"

#include <doctest/doctest.h>

#include <string_view>

namespace dra::test {
namespace {

TEST_CASE_TEMPLATE("an error says its field, value and rule to the end, zero bytes included", Error, InputError,
                   ShapeError, PatternError, FormatError) {
    const std::string zeros(2, '\0');
    CHECK(std::string_view(Error("q.shape", "[1]", "must be [B, N, H, D]").what()) ==
          "q.shape = [1]: must be [B, N, H, D]");
    CHECK(std::string_view(Error("a" + zeros + "b", zeros, "must be q" + zeros).what()) ==
          "a\\x00\\x00b = \\x00\\x00: must be q\\x00\\x00");
}

} // namespace
} // namespace dra::test
