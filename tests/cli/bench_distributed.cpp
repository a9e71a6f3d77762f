#include "tests/cli/complaint.hpp"

#include <nlohmann/json.hpp>

namespace dra::test {
namespace {

using Words = std::vector<std::string>;
using Json = nlohmann::json;

/// What `dra bench distributed` measured, with little to do.
Json measured(const Words& more) {
    const Folder folder;
    const Outcome outcome =
        call(Words{"bench", "distributed", "--repetitions", "1", "--json", folder.file("json")} + more);
    CHECK(outcome.error == "");
    REQUIRE(outcome.status == 0);
    return Json::parse(read_text(folder.file("json")));
}

} // namespace

TEST_CASE("bench distributed refuses what it cannot measure") {
    const auto with = [](const Words& more) { return complaint(Words{"bench", "distributed"} + more); };
    CHECK(with({"--tokens", "63"}) == "--tokens = 63: must be from 64 to 16777216");
    CHECK(with({"--tokens", "many"}) == "--tokens = many: must be an integer");
    CHECK(with({"--ranks", "2,65"}) == "--ranks = 2,65: must be from 1 to 64");
    CHECK(with({"--ranks", "0"}) == "--ranks = 0: must be from 1 to 64");
    CHECK(with({"--repetitions", "0"}) == "--repetitions = 0: must be from 1 to 25");
    CHECK(with({"--million", "--ranks", "2,4"}) == "--ranks = 2,4: must be one number with --million");
}

TEST_CASE("bench distributed writes every strategy, both scalings, and real beside model time") {
    const Json record = measured({"--tokens", "256", "--ranks", "1,4"});
    CHECK(record["environment"].contains("cpu"));
    CHECK(record["load_average"].is_number());
    REQUIRE(record["strategies"].size() == 6 * 2);
    for (const Json& found : record["strategies"]) {
        CAPTURE(found.dump());
        CHECK(found["median_seconds"] > 0);
        CHECK(found["error_ratio"] <= 30);
        CHECK(found["balance"] >= 1);
        CHECK((found["bytes_received"] > 0) == (found["ranks"] == 4));
        if (found["strategy"] == "segment-gather") CHECK(found["bytes_received"] == found["least_bytes"]);
        if (found["strategy"] == "all-gather") CHECK(found["bytes_received"] >= found["least_bytes"]);
    }
    REQUIRE(record["slow_link"].size() == 6 * 2);
    for (std::size_t i = 0; i < 12; ++i)
        CHECK(record["slow_link"][i]["link"]["time"] == (i % 2 == 0 ? "real" : "model"));
    for (const char* table : {"strong_scaling", "weak_scaling"}) {
        REQUIRE(record[table].size() == 2 * 2 * 2);
        CHECK(record[table].back()["ranks"] == 4);
    }
    CHECK(record["strong_scaling"].back()["tokens"] == 256);
    CHECK(record["weak_scaling"].back()["tokens"] == 4 * 64);
}

TEST_CASE("bench distributed --million compares ranks with the engine alone, and says what they received") {
    const Json record = measured({"--million", "--tokens", "16384", "--ranks", "4"});
    CHECK(record["slowdown"] > 0);
    CHECK(record["error_ratio"] <= 60);
    CHECK(record["alone_samples"].size() == 1);
    CHECK(record["ranks_samples"].size() == 1);
    REQUIRE(record["ranks"].size() == 4);
    for (const Json& rank : record["ranks"]) {
        CHECK(rank["bytes_received"] > 0);
        CHECK(rank["bytes_received"] == rank["least_bytes"]);
    }
}

} // namespace dra::test
