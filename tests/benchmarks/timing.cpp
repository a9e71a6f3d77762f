#include "benchmarks/measuring/timing.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

namespace dra::benchmarks {

using namespace std::chrono_literals;

TEST_CASE("every alternative gives one sample a repetition, in the order given, of its own time") {
    const std::vector<Samples> samples = time_interleaved(
        {{"slow", [] { std::this_thread::sleep_for(8ms); }}, {"quick", [] { std::this_thread::sleep_for(1ms); }}},
        {.repetitions = 5, .seconds_a_sample = 0.001});
    REQUIRE(samples.size() == 2);
    for (const Samples& of_one : samples) CHECK(of_one.size() == 5);
    for (const double seconds : samples[0]) CHECK(seconds >= 0.008);
    for (const double seconds : samples[1]) CHECK(seconds >= 0.001);
    CHECK(*std::ranges::min_element(samples[1]) < 0.008);
}

TEST_CASE("a preparation precedes every run and is not timed") {
    int prepared = 0, ran = 0;
    bool in_turn = true;
    const Alternative first_call{"first", [&] { in_turn = in_turn && ++ran == prepared; },
                                 [&] {
                                     ++prepared;
                                     std::this_thread::sleep_for(20ms);
                                 }};
    const std::vector<Samples> samples = time_interleaved({first_call}, {.repetitions = 6});
    CHECK(in_turn);
    CHECK(ran == 6);
    for (const double seconds : samples[0]) CHECK(seconds < 0.020);
}

TEST_CASE("repetitions of alternatives are interleaved") {
    std::string order;
    const auto noting = [&](char which) {
        return [&order, which] {
            if (order.empty() || order.back() != which) order += which;
            std::this_thread::sleep_for(1ms);
        };
    };
    time_interleaved({{"a", noting('a')}, {"b", noting('b')}}, {.repetitions = 20, .seconds_a_sample = 0.001});
    MESSAGE("turns: " << order);
    CHECK(order.size() > 4); // one after the other would be "ab"; 20 of each in random order stay below 5 once in 10^8
}

} // namespace dra::benchmarks
