#include "distributed/agreement.hpp"
#include "distributed/attention.hpp"
#include "distributed/backends/threads.hpp"
#include "reference/ring/shard.hpp"
#include "tests/distributed/thrown.hpp"
#include "tests/gradients.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <optional>

namespace dra::test {
namespace {

using namespace distributed;

/// What every rank threw.
using Errors = std::vector<std::optional<CommError>>;

Errors errors_of(Index ranks, const std::function<void(Communicator&)>& rank) {
    ThreadWorld world(ranks);
    return thrown(world, rank);
}

/// Every rank threw, said so, and suspects this one, if one is to be suspected.
void check_all(const Errors& errors, const std::string& said, std::optional<Index> suspect = {}) {
    CAPTURE(said);
    for (const auto& error : errors) {
        REQUIRE(error);
        CAPTURE(error->what());
        CHECK(error->facts().operation == "agreement");
        CHECK(error->facts().cause.find(said) != std::string::npos);
        CHECK(error->facts().peer != error->facts().rank);
        if (suspect) CHECK(error->facts().suspect == *suspect);
    }
}

/// A rank's part in what is asked, its shards included.
template <class T> void make_attention(Communicator& communicator, const Question& asked, Strategy strategy) {
    const GradientInputs<T> inputs(asked);
    const auto shard_of = [&](const Tensor<T>& tensor) {
        return scatter(inputs.problem, tensor.view())[std::min(communicator.rank(), inputs.problem.ranks - 1)].rows;
    };
    const Tensor<T> q = shard_of(inputs.q), k = shard_of(inputs.k), v = shard_of(inputs.v),
                    dout = shard_of(inputs.dout);
    const DistributedAttention<T> attention(communicator, inputs.problem, strategy, {q, k, v}, dout.view());
}

Question question() {
    Question asked{{2, 24, 4, 4}, 2, {{8, 12}, {1, 2}, Mode::mixture}};
    asked.configuration.ranks = 4;
    return asked;
}

TEST_CASE("ranks that mean the same agree, R = 1..6") {
    for (Index ranks = 1; ranks <= 6; ++ranks) {
        Question asked = question();
        asked.configuration.ranks = ranks;
        for (const Strategy strategy : all_strategies)
            for (const auto& error : errors_of(
                     ranks, [&](Communicator& communicator) { make_attention<float>(communicator, asked, strategy); }))
                CHECK_MESSAGE(!error, std::string(error->what()));
    }
}

TEST_CASE("a rank with another problem is found by all: which field, and both values") {
    struct Change {
        std::string said; ///< after "ranks 0 and 2 differ in "
        std::function<void(Question&)> change;
    };
    const Change changes[] = {
        {"layout: contiguous and zigzag", [](Question& asked) { asked.configuration.layout = Layout::zigzag; }},
        {"ranks: 4 and 5", [](Question& asked) { asked.configuration.ranks = 5; }},
        {"ranks: 4 and 3", [](Question& asked) { asked.configuration.ranks = 3; }},
        {"batch: 2 and 1", [](Question& asked) { asked.q.batch = 1; }},
        {"tokens: 24 and 23", [](Question& asked) { asked.q.tokens = 23; }},
        {"heads: 4 and 6", [](Question& asked) { asked.q.heads = 6; }},
        {"kv_heads: 2 and 4", [](Question& asked) { asked.kv_heads = 4; }},
        {"head_dim: 4 and 6", [](Question& asked) { asked.q.head_dim = 6; }},
        {"segment_lengths: 8,12 and 8,13", [](Question& asked) { asked.configuration.segment_lengths[1] = 13; }},
        {"dilation_rates: 1,2 and 2,2", [](Question& asked) { asked.configuration.dilation_rates[0] = 2; }},
        {"mode: mixture and groups", [](Question& asked) { asked.configuration.mode = Mode::groups; }},
        {"phase: head and head-block", [](Question& asked) { asked.configuration.phase = PhaseRule::head_block; }},
        {"causal: no and yes", [](Question& asked) { asked.configuration.causal = true; }},
        {"softmax_scale: 0x1p-1 and 0x1p-2", [](Question& asked) { asked.configuration.softmax_scale = 0.25; }},
        {"stop_gradient_mixing: no and yes", [](Question& asked) { asked.configuration.stop_gradient_mixing = true; }},
        {"dropout: 0x0p+0 and 0x1p-2", [](Question& asked) { asked.configuration.dropout = 0.25; }},
        {"dropout_seed: 0 and 7", [](Question& asked) { asked.configuration.dropout_seed = 7; }},
    };
    for (const auto& [said, change] : changes) {
        const Question asked = question();
        Question changed = asked;
        change(changed);
        const Errors errors = errors_of(4, [&](Communicator& communicator) {
            make_attention<float>(communicator, communicator.rank() == 2 ? changed : asked, Strategy::segment_gather);
        });
        check_all(errors, "differ in " + said.substr(0, said.find(':')), 2);
        CHECK(errors[0]->facts().cause == "ranks 0 and 2 differ in " + said);
        CHECK(errors[2]->facts().cause == "ranks 0 and 2 differ in " + said);
    }
}

TEST_CASE("a rank with another strategy or type is found by all") {
    const Question asked = question();
    check_all(errors_of(4,
                        [&](Communicator& communicator) {
                            make_attention<float>(communicator, asked,
                                                  communicator.rank() == 3 ? Strategy::ring : Strategy::all_gather);
                        }),
              "differ in strategy: all-gather and ring", 3);
    check_all(errors_of(4,
                        [&](Communicator& communicator) {
                            if (communicator.rank() == 3) return make_attention<double>(communicator, asked, {});
                            make_attention<float>(communicator, asked, {});
                        }),
              "differ in element bytes: 4 and 8", 3);
}

/// Terms of a rank that sends every other 10 bytes in each of three steps.
Terms terms(Index rank, Index ranks) {
    Terms terms{{{"strategy", "ring"}}, {}, {}};
    for (Index peer = 0; peer < ranks; ++peer) {
        std::vector<ListedMessage> messages;
        for (Index step = 0; step < 3 && peer != rank; ++step) messages.push_back({"hop", step, 10});
        terms.sends.push_back(messages);
        terms.receives.push_back(messages);
    }
    return terms;
}

/// What ranks say where one has changed its terms with a peer.
Errors errors_of_changed(Index who, const std::function<void(Terms&)>& change) {
    constexpr Index ranks = 4;
    return errors_of(ranks, [&](Communicator& communicator) {
        Terms said = terms(communicator.rank(), ranks);
        if (communicator.rank() == who) change(said);
        agree(communicator, said);
    });
}

TEST_CASE("a message of other bytes is found: who sends it to whom, how many, and how many are expected") {
    check_all(errors_of_changed(1, [](Terms& said) { said.sends[3][1].bytes = 12; }),
              "in hop step 1 rank 1 sends rank 3 12 bytes, and rank 3 expects 10 bytes");
    check_all(errors_of_changed(3, [](Terms& said) { said.sends[1][1].bytes = 12; }),
              "in hop step 1 rank 3 sends rank 1 12 bytes, and rank 1 expects 10 bytes");
    check_all(errors_of_changed(1, [](Terms& said) { said.receives[3][0].bytes = 8; }),
              "in hop step 0 rank 3 sends rank 1 10 bytes, and rank 1 expects 8 bytes");
}

TEST_CASE("a message that is missing is found on either side, be it the first, one in the middle or the last") {
    for (const Index step : {0, 1, 2}) {
        const std::string in_step = "in hop step " + std::to_string(step) + " rank ";
        const auto lose = [&](std::vector<ListedMessage>& messages) { messages.erase(messages.begin() + step); };
        check_all(errors_of_changed(1, [&](Terms& said) { lose(said.sends[3]); }),
                  in_step + "1 sends rank 3 nothing, and rank 3 expects 10 bytes");
        check_all(errors_of_changed(1, [&](Terms& said) { lose(said.receives[3]); }),
                  in_step + "3 sends rank 1 10 bytes, and rank 1 expects nothing");
        check_all(errors_of_changed(3, [&](Terms& said) { lose(said.sends[1]); }),
                  in_step + "3 sends rank 1 nothing, and rank 1 expects 10 bytes");
        check_all(errors_of_changed(3, [&](Terms& said) { lose(said.receives[1]); }),
                  in_step + "1 sends rank 3 10 bytes, and rank 3 expects nothing");
    }
}

TEST_CASE("a problem for another number of ranks than there are is refused where all ranks agree on it") {
    Question asked = question();
    asked.configuration.ranks = 5;
    ThreadWorld world(4);
    CHECK_THROWS_WITH_AS(
        run_ranks(world,
                  [&](Communicator& communicator) { make_attention<float>(communicator, asked, Strategy::ring); }),
        doctest::Contains("ranks"), ShapeError);
}

TEST_CASE("the digest is FNV-1a of 64 bits") {
    CHECK(digest("") == 0xcbf29ce484222325);
    CHECK(digest("foobar") == 0x85944171f73967e8); // draft-eastlake-fnv, appendix C
}

} // namespace
} // namespace dra::test
