#include "benchmarks/speed/ladder_speed.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <map>
#include <set>

namespace dra::test {
namespace {

using namespace benchmarks;

const std::vector<LadderCase> cases = {
    {2, 40, 2, 64, false, 40, 1}, // B, N, H, D, causal, w, r
    {1, 48, 2, 64, true, 16, 2},
    {1, 44, 2, 16, true, 16, 3}, // neither divides
};
constexpr Effort short_effort{.repetitions = 2, .seconds_a_sample = 1e-9};

/// What becomes of a kernel's results, and how long its runs take.
struct Script {
    std::function<void(TensorView<float>, float*)> spoil = [](TensorView<float>, float*) {};
    std::optional<double> seconds = {};
};

/// An executor whose results and times follow a script.
class ScriptedExecutor final : public cuda::AttentionExecutor {
public:
    ScriptedExecutor(std::unique_ptr<cuda::AttentionExecutor> executor, const Script& script)
        : executor_(std::move(executor)), script_(script) {}

    void upload(TensorView<const float> q, TensorView<const float> k, TensorView<const float> v) override {
        executor_->upload(q, k, v);
    }
    void run() override { executor_->run(); }
    void wait() override { executor_->wait(); }
    cuda::RunTime timed_run(int repetitions) override {
        return script_.seconds ? cuda::RunTime{*script_.seconds, 0} : executor_->timed_run(repetitions);
    }
    void download(TensorView<float> out, float* lse) override {
        executor_->download(out, lse);
        script_.spoil(out, lse);
    }
    const std::vector<std::string>& kernels() const override { return executor_->kernels(); }
    Index launches() const override { return executor_->launches(); }
    Index device_bytes() const override { return executor_->device_bytes(); }

private:
    std::unique_ptr<cuda::AttentionExecutor> executor_;
    const Script& script_;
};

/// The emulator, with a script for some kernels.
class ScriptedDevice final : public cuda::Device {
public:
    explicit ScriptedDevice(std::map<std::string, Script> scripts = {}) : scripts_(std::move(scripts)) {}

    const cuda::DeviceFacts& facts() const override { return device_->facts(); }
    std::vector<std::string> kernel_names() const override { return device_->kernel_names(); }
    std::vector<std::pair<std::string, std::uint64_t>> counters() const override { return device_->counters(); }
    std::unique_ptr<cuda::AttentionExecutor> make_executor(const Problem& problem, DType type,
                                                           const std::optional<std::string>& kernel) override {
        return std::make_unique<ScriptedExecutor>(device_->make_executor(problem, type, kernel),
                                                  scripts_[kernel.value()]);
    }
    std::unique_ptr<cuda::AttentionExecutor> make_executor_on(const cuda::DeviceTensors& tensors,
                                                              const Problem& problem, DType type,
                                                              const std::optional<std::string>& kernel) override {
        return device_->make_executor_on(tensors, problem, type, kernel);
    }

private:
    std::map<std::string, Script> scripts_;
    std::unique_ptr<cuda::Device> device_ = cuda::emulated_device();
};

} // namespace

TEST_CASE("every kernel of the ladder is right at every case, or says why it cannot do it") {
    ScriptedDevice device;
    for (const DType type : {DType::bf16, DType::f16}) {
        double worst = 0;
        int ran = 0, left_out = 0;
        for (const LadderCase& shape : cases) {
            LadderBench bench(device, type, {shape}); // on its own, so that no kernel was met as slow before
            const LadderSpeed found = bench.speed(shape, short_effort);
            REQUIRE(found.kernels.size() == device.kernel_names().size());
            REQUIRE(found.fastest() != nullptr);
            for (const KernelSpeed& kernel : found.kernels) {
                CAPTURE(kernel.name);
                CHECK(kernel.left_out.empty() == !kernel.samples.empty());
                CHECK(kernel.errors.within_bounds());
                worst = std::max({worst, kernel.errors.out, kernel.errors.lse});
                (kernel.left_out.empty() ? ran : left_out) += 1;
            }
        }
        MESSAGE(cuda::type_name(type), ": ", ran, " ran, ", left_out, " left out, largest error ", worst,
                " of the bound");
        CHECK(worst > 0);
        CHECK(left_out > 0); // r that does not divide w
    }
}

TEST_CASE("a kernel with one wrong row, a shifted lse or a NaN is neither right nor the fastest") {
    const LadderCase& shape = cases[0];
    const std::vector<std::function<void(TensorView<float>, float*)>> spoils = {
        [](TensorView<float> out, float*) { out.rows(0, 0).row(0).setZero(); },
        [](TensorView<float> out, float*) { out.rows(1, 1).row(39) *= 1.5F; },
        [](TensorView<float>, float* lse) { lse[0] += 0.01F; },
        [](TensorView<float> out, float*) { out.row(0, 0, 0)[3] = std::numeric_limits<float>::quiet_NaN(); },
        [](TensorView<float>, float* lse) { lse[0] = -std::numeric_limits<float>::infinity(); },
    };
    for (const auto& spoil : spoils) {
        ScriptedDevice device({{"wide", {.spoil = spoil}}});
        LadderBench bench(device, DType::bf16, {shape});
        const LadderSpeed found = bench.speed(shape, short_effort);
        for (const KernelSpeed& kernel : found.kernels) {
            CAPTURE(kernel.name);
            CHECK(kernel.errors.within_bounds() == (kernel.name != "wide"));
        }
        REQUIRE(found.fastest() != nullptr);
        CHECK(found.fastest()->name != "wide");
    }
}

TEST_CASE("FLOPs are 4 D of the visible pairs, counted one by one") {
    for (const LadderCase& shape : cases) {
        Index pairs = 0;
        for (Index i = 0; i < shape.tokens; ++i)
            for (Index j = 0; j < shape.tokens; ++j) {
                const auto selected = [&](Index n) { return n % shape.segment_length % shape.dilation_rate == 0; };
                pairs += selected(i) && selected(j) && i / shape.segment_length == j / shape.segment_length &&
                         (j <= i || !shape.causal);
            }
        CHECK(shape.flops() == 4.0 * static_cast<double>(shape.head_dim * pairs * shape.batch * shape.heads));
    }
}

TEST_CASE(
    "a kernel that is met as slow is left out of later cases of its head size, with its share of the fastest's rate") {
    ScriptedDevice device({{"naive", {.seconds = 11e-6}},
                           {"tiled", {.seconds = 5e-6}},
                           {"tensor_core", {.seconds = 1.9e-6}},
                           {"pipelined", {.seconds = 1e-6}},
                           {"wide", {.seconds = 2.1e-6}},
                           {"hopper", {.seconds = 1.5e-6}}});
    const LadderCase first = cases[0], second{1, 40, 2, 64, false, 20, 1}, other_size{1, 40, 2, 16, false, 20, 1};
    LadderBench bench(device, DType::bf16, {first, second, other_size});
    const LadderSpeed met = bench.speed(first, short_effort), later = bench.speed(second, short_effort),
                      other = bench.speed(other_size, short_effort);
    const auto kernel = [](const LadderSpeed& found, const std::string& name) {
        return *std::ranges::find(found.kernels, name, &KernelSpeed::name);
    };
    CHECK(met.fastest()->name == "pipelined");
    CHECK(kernel(met, "naive").samples.size() == 1); // not run again
    CHECK(kernel(met, "tiled").samples.size() == 2);
    CHECK(met.tflops(kernel(met, "tiled")) == doctest::Approx(first.flops() / 5e-6 / 1e12));
    CHECK(kernel(later, "naive").left_out == "it reached 9 % of the fastest's rate where it was first met");
    CHECK(kernel(later, "tiled").left_out == "it reached 20 % of the fastest's rate where it was first met");
    CHECK(kernel(later, "wide").left_out == "it reached 48 % of the fastest's rate where it was first met");
    CHECK(kernel(later, "tensor_core").samples.size() == 2);
    CHECK(kernel(other, "tiled").samples.size() == 2);
}

TEST_CASE("the table has the fastest kernel of every case, and finds it again") {
    ScriptedDevice device({{"wide", {.seconds = 1e-9}}});
    std::vector<LadderSpeed> found;
    LadderBench bench(device, DType::f16, cases);
    for (const LadderCase& shape : cases) found.push_back(bench.speed(shape, short_effort));
    const cuda::ChoiceTable table = choices(device.facts(), DType::f16, found);
    REQUIRE(table.choices.size() == cases.size());
    for (const LadderCase& shape : cases) {
        cuda::Parameters asked{};
        asked.tokens = static_cast<int>(shape.tokens);
        asked.head_dim = static_cast<int>(shape.head_dim);
        asked.segment_length = static_cast<int>(shape.segment_length);
        asked.dilation_rate = static_cast<int>(shape.dilation_rate);
        asked.causal = shape.causal;
        CHECK(table.kernel(DType::f16, asked, device.facts().architecture) == "wide");
        CHECK(table.kernel(DType::bf16, asked, device.facts().architecture) == std::nullopt);
    }
}

TEST_CASE("the usual cases are 16 dense and 48 dilated ones, each of 2,048 channels") {
    std::set<std::tuple<Index, bool, Index, Index>> dense, dilated;
    for (const LadderCase& shape : usual_ladder_cases()) {
        CHECK(shape.heads * shape.head_dim == 2048);
        CHECK(shape.tokens % shape.segment_length == 0);
        const bool whole = shape.segment_length == shape.tokens && shape.batch * shape.tokens == 16384;
        (whole ? dense : dilated).emplace(shape.head_dim, shape.causal, shape.rows(), shape.dilation_rate);
    }
    CHECK(dense.size() == 16);
    CHECK(dilated.size() == 48);
}

} // namespace dra::test
