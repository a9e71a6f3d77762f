#include "reference/defects/page.hpp"
#include "tests/defects/small_witnesses.hpp"
#include "tests/golden.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

namespace dra::defects::test {
namespace {

TEST_CASE("docs/defects.md is the page that the catalogue makes") {
    const std::filesystem::path path = dra::test::data_folder().parent_path() / "docs/defects.md";
    std::stringstream kept;
    kept << std::ifstream(path).rdbuf();
    MESSAGE(kept.str().size(), " bytes kept, ", page().size(), " made");
    if (kept.str() == page()) return;
    const std::filesystem::path made = std::filesystem::temp_directory_path() / "defects.md";
    std::ofstream(made) << page();
    FAIL("it differs from what the catalogue makes, which is now in ", made.string());
}

TEST_CASE("every defect has an id of its own, all its words, and the file that its id says") {
    std::vector<std::string> ids;
    for (const Defect& defect : catalogue()) {
        CAPTURE(defect.id);
        ids.push_back(defect.id);
        for (const std::string* sentence : {&defect.symptom, &defect.cause, &defect.repair, &defect.provenance})
            CHECK(sentence->ends_with("."));
        CHECK(!defect.title.empty());
        CHECK(!defect.forms(sample(defect.witness).problem).empty());
        std::string file = defect.id + ".cpp";
        std::ranges::replace(file, '-', '_');
        CHECK(std::filesystem::exists(dra::test::data_folder().parent_path() / "reference/defects" / file));
        CHECK(&dra::defects::defect(defect.id) == &defect);
    }
    std::ranges::sort(ids);
    CHECK(std::ranges::adjacent_find(ids) == ids.end());
    CHECK(ids.size() == 31);
    CHECK_THROWS_AS(defect("no-such-defect"), PatternError);
}

} // namespace
} // namespace dra::defects::test
