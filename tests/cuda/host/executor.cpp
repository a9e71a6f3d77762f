#include "cuda/device/attention.hpp"
#include "cuda/host/buffer.hpp"
#include "tests/cuda/host/emulator.hpp"
#include "tests/cuda/host/judgement.hpp"
#include "tests/problems.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

cuda::Device& emulator() {
    static const std::unique_ptr<cuda::Device> device = cuda::emulated_device();
    return *device;
}

/// Launches that the emulator counted since the last call.
std::uint64_t launches() {
    static std::uint64_t before = 0;
    const std::uint64_t now = simt::counters().launches;
    return now - std::exchange(before, now);
}

/// Small, with everything that makes executors differ: groups of which one is empty, mixtures, shared KV heads.
const Question questions[] = {
    {{1, 20, 4, 8}, 4, {{8, 20}, {2, 3}}, 1},
    {{2, 17, 2, 8}, 1, {{8, 4, 32}, {1, 2, 5}}, 2},
    {{1, 24, 4, 8}, 2, {{24, 8}, {3, 1}, Mode::mixture, {}, true}, 3},
    {{1, 9, 2, 8}, 2, {{3, 9, 4}, {3, 2, 4}, Mode::mixture, PhaseRule::head_block}, 4},
    {{1, 16, 1, 8}, 1, {{16}, {1}, Mode::mixture, {}, true}, 5},
    {{1, 2, 2, 8}, 1, {{8, 8}, {8, 8}, Mode::mixture, PhaseRule::group}, 6},
    {{1, 30, 6, 8}, 3, {{4, 8, 6, 20, 12, 7}, {2, 1, 1, 4, 3, 5}, Mode::mixture, {}, true}, 7}, // two select every row
};

double error_of(DType type, const RandomInputs<float>& given, const Attention<float>& result) {
    return share_of_bound(given.problem, type, given.q, given.k, given.v, result);
}

} // namespace

TEST_CASE("an executor's result is the definition's, in every type") {
    for (const DType type : {DType::f32, DType::bf16, DType::f16}) {
        CAPTURE(cuda::type_name(type));
        double worst = 0;
        for (const Question& asked : questions) {
            CAPTURE(asked);
            const RandomInputs<float> given(asked);
            const auto result = cuda::attention(emulator(), given.problem, type, given.q, given.k, given.v);
            const double share = error_of(type, given, result);
            CHECK(share <= 1);
            CHECK((result.out.flat() == cuda::rounded(result.out, type).flat()).all()); // out is in the type
            worst = std::max(worst, share);
        }
        MESSAGE(cuda::type_name(type), ": largest error ", worst, " of the bound");
    }
}

TEST_CASE("a kernel that refuses segments longer than the sequence names those that were asked for") {
    const auto refusal = [](Index tokens, Index w, Index r, Index head_dim = 64) -> std::string {
        const RandomInputs<float> given(Question{{1, tokens, 1, head_dim}, 1, {{w}, {r}}, 1});
        try {
            emulator().make_executor(given.problem, DType::bf16, "hopper");
            return "";
        } catch (const cuda::KernelError& error) {
            return error.what();
        }
    };
    const std::string rate = "kernel `hopper` needs a dilation rate that divides the segment length, and ";
    CHECK(refusal(53, 65, 2) == rate + "2 does not divide 53: segments of 65 with a dilation rate of 2 were asked for, "
                                       "and the sequence has 53 tokens");
    CHECK(refusal(53, 2000, 1000) == rate + "54 does not divide 53: segments of 2000 with a dilation rate of 1000 were "
                                            "asked for, and the sequence has 53 tokens");
    CHECK(refusal(60, 15, 2) == rate + "2 does not divide 15");
    CHECK(refusal(53, 10, 2) ==
          "kernel `hopper` needs a segment length that divides the tokens, and 10 does not divide 53");
    CHECK(refusal(53, 65, 2, 200) == "kernel `hopper` takes head_dim up to 128, not 200"); // its segments are not why
}

TEST_CASE("several patterns go together unless another kernel is asked for, and a mixture's partials meet in one of "
          "two ways") {
    for (const Question& asked : questions) {
        CAPTURE(asked);
        const RandomInputs<float> given(asked);
        for (const DType type : {DType::bf16, DType::f16}) {
            const auto executor = emulator().make_executor(given.problem, type);
            CHECK(std::ranges::all_of(executor->kernels(), [](const auto& name) { return name == "all_patterns"; }));
            if (asked.configuration.mode == Mode::groups || executor->kernels().size() < 2) continue;
            // The patterns, or all but one that selects every row; and the merge, or that one.
            CHECK(executor->launches() == 2);
        }
    }
    const Question dilated{{1, 30, 4, 8}, 2, {{8, 12}, {2, 3}, Mode::mixture}, 8}, // nothing selects every row
        most{{1, 20, 4, 8}, 4, {{2, 4, 6, 8, 10, 12, 14, 16}, {1, 2, 3, 4, 5, 6, 7, 8}, Mode::mixture}, 9};
    for (const Question& asked : {dilated, most})
        for (const DType type : {DType::bf16, DType::f16}) {
            CAPTURE(asked);
            const RandomInputs<float> given(asked);
            const auto result = cuda::attention(emulator(), given.problem, type, given.q, given.k, given.v);
            CHECK(error_of(type, given, result) <= 1);
        }
}

TEST_CASE("a second run allocates nothing, launches what the executor says, and changes no bit") {
    for (const Question& asked : questions) {
        CAPTURE(asked);
        const RandomInputs<float> given(asked);
        for (const DType type : {DType::f32, DType::bf16}) {
            const auto executor = emulator().make_executor(given.problem, type);
            launches();
            executor->wait();
            CHECK(launches() == 0); // preparing launches nothing
            executor->upload(given.q, given.k, given.v);
            executor->run();
            const Attention<float> first = result_of(*executor, given.problem);
            CHECK(launches() == static_cast<std::uint64_t>(executor->launches()));

            const DeviceMemory exhausted;
            executor->run();
            CHECK(same(first, result_of(*executor, given.problem)));
            CHECK(launches() == static_cast<std::uint64_t>(executor->launches()));
        }
    }
}

TEST_CASE("launches in closed form") {
    const auto launches_by = [](const char* kernel, const Question& asked, DType type) {
        return emulator().make_executor(RandomInputs<float>(asked).problem, type, kernel)->launches();
    };
    const auto launches_of = [&](const Question& asked, DType type) { return launches_by("tiled", asked, type); };
    const auto together = [&](const Question& asked) { return launches_by("all_patterns", asked, DType::bf16); };
    CHECK(launches_of({{1, 16, 2, 8}, 2, {{8}, {1}}}, DType::bf16) == 1);        // attention
    CHECK(launches_of({{1, 16, 2, 8}, 2, {{8}, {2}}}, DType::bf16) == 2);        // and clearing
    CHECK(launches_of({{1, 16, 2, 8}, 2, {{8, 16}, {1, 2}}}, DType::bf16) == 3); // one group with, one without
    CHECK(together({{1, 16, 2, 8}, 2, {{8, 16}, {1, 2}}}) == 1);
    CHECK(launches_of({{1, 16, 1, 8}, 1, {{8, 16}, {1, 2}}}, DType::bf16) == 2); // the first group is empty
    const Question mixture{{1, 16, 2, 8}, 2, {{8, 16}, {1, 2}, Mode::mixture}};
    CHECK(launches_of(mixture, DType::f32) == 1 + 3);      // attention; attention, clearing, merge
    CHECK(launches_of(mixture, DType::bf16) == 1 + 3 + 1); // and rounding the sum
    CHECK(together(mixture) == 2);                         // attention and clearing; merge and rounding
    const Question beyond{{1, 2, 1, 8}, 1, {{8, 8, 8}, {8, 8, 8}, Mode::mixture, PhaseRule::group}};
    CHECK(launches_of(beyond, DType::f32) == 2 + 3); // the third selects nothing
    const Question alone{{1, 1, 1, 8}, 1, {{8, 8}, {8, 8}, Mode::mixture, PhaseRule::group}};
    CHECK(launches_of(alone, DType::bf16) == 2); // nor does the second here: nothing to merge or to round
    CHECK(together(alone) == 1);
}

TEST_CASE("groups in streams of their own give one result, whatever the order of the streams") {
    const RandomInputs<float> given({{1, 24, 6, 8}, 6, {{8, 24, 12}, {2, 3, 1}}, 7});
    std::optional<Attention<float>> first;
    for_seeds(16, [&] {
        const auto executor = emulator().make_executor(given.problem, DType::f32);
        executor->upload(given.q, given.k, given.k);
        executor->run(); // waits for the copies, and the next copies for it: nothing else waits between
        executor->upload(given.q, given.k, given.v);
        executor->run();
        const Attention<float> result = result_of(*executor, given.problem);
        if (!first) first = result;
        CHECK(same(*first, result));
    });
    CHECK(error_of(DType::f32, given, *first) <= 1);
}

TEST_CASE("an executor on the caller's tensors computes where they lie what one with its own does, and owns none of "
          "their bytes") {
    using cuda::emulated::Buffer;
    cuda::emulated::Stream stream;
    for (const Question& asked : questions)
        for (const DType type : {DType::f32, DType::bf16}) {
            CAPTURE(asked);
            CAPTURE(cuda::type_name(type));
            const RandomInputs<float> given(asked);
            const auto own = emulator().make_executor(given.problem, type);
            const auto uploaded = [&](const Tensor<float>& x) {
                Buffer<std::byte> there(stream, static_cast<std::size_t>(x.size() * bytes_of(type)));
                std::vector<std::byte> narrowed(there.size());
                cuda::narrow(type, narrowed.data(), x.data(), x.size());
                there.copy_from(narrowed.data(), stream);
                return there;
            };
            Buffer<std::byte> q = uploaded(given.q);
            const Buffer<std::byte> k = uploaded(given.k), v = uploaded(given.v), out(stream, q.size());
            const Buffer<float> lse(stream, static_cast<std::size_t>(given.q.size() / given.q.shape().head_dim));
            stream.synchronize();
            const auto executor = emulator().make_executor_on({q.data(), k.data(), v.data(), out.data(), lse.data()},
                                                              given.problem, type);
            const auto tensor_bytes = q.bytes() + k.bytes() + v.bytes() + out.bytes() + lse.bytes();
            CHECK(own->device_bytes() - executor->device_bytes() == static_cast<Index>(tensor_bytes));
            CHECK(executor->launches() == own->launches());
            CHECK_THROWS_AS(executor->upload(given.q, given.k, given.v), cuda::KernelError);

            for (const float sign : {1.f, -1.f}) { // the second run finds other queries in the same place
                Tensor<float> queries = given.q;
                queries.flat() *= sign;
                std::vector<std::byte> narrowed(q.size());
                cuda::narrow(type, narrowed.data(), queries.data(), queries.size());
                q.copy_from(narrowed.data(), stream);
                stream.synchronize();
                own->upload(queries, given.k, given.v);
                own->run();
                executor->run();
                executor->wait();
                const Attention<float> expected = result_of(*own, given.problem),
                                       found = result_of(*executor, given.problem);
                CHECK(same(found, expected));
                Lse<float> lse_there = expected.lse; // what the caller reads himself
                lse.copy_to(lse_there.flat().data(), stream);
                stream.synchronize();
                CHECK((lse_there.flat() == expected.lse.flat()).all());
            }
        }
}

TEST_CASE("a kernel that cannot have its tensors where the caller's lie is refused, and another one is found") {
    const Problem problem = RandomInputs<float>({{1, 16, 1, 8}, 1, {{16}, {1}}}).problem;
    alignas(16) static std::byte memory[1024];
    static float lse[16];
    const cuda::DeviceTensors crooked{memory + 2, memory, memory, memory + 512, lse};
    CHECK_THROWS_WITH_AS(emulator().make_executor_on(crooked, problem, DType::bf16, "wide"),
                         "kernel `wide` needs q, k, v and out on 16-byte boundaries", cuda::KernelError);
    CHECK(emulator().make_executor_on(crooked, problem, DType::bf16)->kernels() == std::vector<std::string>{"tiled"});
}

TEST_CASE("times of the device and of the host are told apart") {
    const RandomInputs<float> given(questions[0]);
    const auto executor = emulator().make_executor(given.problem, DType::f32);
    executor->upload(given.q, given.k, given.v);
    launches();
    const cuda::RunTime time = executor->timed_run(3);
    CHECK(launches() == static_cast<std::uint64_t>(3 * executor->launches()));
    MESSAGE("device ", time.device_seconds, " s, host ", time.host_seconds, " s");
    CHECK(time.host_seconds > 0);
    CHECK(time.device_seconds > time.host_seconds); // the emulator works at the wait
}

TEST_CASE("a named kernel is used for every pattern, and one that cannot do the problem is refused before memory is") {
    const Problem problem = RandomInputs<float>({{1, 16, 2, 8}, 2, {{8, 16}, {1, 2}}}).problem;
    CHECK(emulator().make_executor(problem, DType::f32, "naive")->kernels() ==
          std::vector<std::string>{"naive", "naive"});
    const DeviceMemory exhausted;
    CHECK_THROWS_AS(emulator().make_executor(problem, DType::f32, "fast"), cuda::KernelError);
    CHECK_THROWS_AS(emulator().make_executor(problem, DType::f32, "naive"), cuda::CudaError);
}

TEST_CASE("the device says what it is and what it counted") {
    const cuda::DeviceFacts& facts = emulator().facts();
    MESSAGE(facts.name, ", architecture ", facts.architecture, ", multiprocessors ", facts.multiprocessors);
    CHECK(facts.emulated);
    CHECK(facts.name != "");
    CHECK(facts.architecture >= 80);
    CHECK(facts.multiprocessors > 0);
    CHECK(emulator().kernel_names().front() == "naive");
    const auto launches_counted = [] {
        for (const auto& [name, count] : emulator().counters())
            if (name == "launches") return count;
        return std::uint64_t{0};
    };
    const std::uint64_t before = launches_counted();
    const RandomInputs<float> given(questions[0]);
    cuda::attention(emulator(), given.problem, DType::f32, given.q, given.k, given.v);
    CHECK(launches_counted() > before);
}

TEST_CASE("bytes in closed form") {
    const auto bytes_of = [](Mode mode, DType type, const char* kernel = "tiled") {
        const Question asked{{2, 16, 4, 8}, 2, {{8, 16}, {1, 2}, mode}};
        return emulator().make_executor(RandomInputs<float>(asked).problem, type, kernel)->device_bytes();
    };
    const Index elements = 2 * 16 * 4 * 8, rows = elements / 8, inputs_and_out = 3 * elements; // k and v are half of q
    CHECK(bytes_of(Mode::groups, DType::bf16) == 2 * inputs_and_out + 4 * rows);
    CHECK(bytes_of(Mode::groups, DType::f32) == 4 * inputs_and_out + 4 * rows);
    CHECK(bytes_of(Mode::mixture, DType::f32) == 4 * inputs_and_out + 4 * rows + 4 * (elements + rows));
    CHECK(bytes_of(Mode::mixture, DType::bf16) == 2 * inputs_and_out + 4 * rows + 4 * (elements + rows) + 4 * elements);

    // All patterns in one launch: two integers per pattern and two per tile; of a mixture out and lse in float of each
    // pattern but that into which they are merged, whose rows are whole groups of 16 channels.
    const Index of_partial = 4 * (2 * elements + rows);
    const Index segments = 2 * (2 + 1), of_groups = 4 * 2 * (2 + 2 * segments), of_mixture = 4 * 2 * (2 + 4 * segments);
    CHECK(bytes_of(Mode::groups, DType::bf16, "all_patterns") == 2 * inputs_and_out + 4 * rows + of_groups);
    CHECK(bytes_of(Mode::mixture, DType::bf16, "all_patterns") ==
          2 * inputs_and_out + 4 * rows + of_partial + of_mixture);
}

} // namespace dra::test
