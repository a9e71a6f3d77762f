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

/// What becomes of a result, and how long a run takes, of one kernel.
struct Play {
    std::function<void(TensorView<float>, float*)> spoil = [](TensorView<float>, float*) {};
    std::optional<double> seconds = {};
};

class PlayedPlan final : public cuda::AttentionExecutor {
public:
    PlayedPlan(std::unique_ptr<cuda::AttentionExecutor> plan, const Play& play) : plan_(std::move(plan)), play_(play) {}

    void upload(TensorView<const float> q, TensorView<const float> k, TensorView<const float> v) override {
        plan_->upload(q, k, v);
    }
    void run() override { plan_->run(); }
    void wait() override { plan_->wait(); }
    cuda::RunTime timed_run(int repetitions) override {
        return play_.seconds ? cuda::RunTime{*play_.seconds, 0} : plan_->timed_run(repetitions);
    }
    void download(TensorView<float> out, float* lse) override {
        plan_->download(out, lse);
        play_.spoil(out, lse);
    }
    const std::vector<std::string>& kernels() const override { return plan_->kernels(); }
    Index launches() const override { return plan_->launches(); }
    Index device_bytes() const override { return plan_->device_bytes(); }

private:
    std::unique_ptr<cuda::AttentionExecutor> plan_;
    const Play& play_;
};

/// The emulator, with some kernels played.
class PlayedDevice final : public cuda::Device {
public:
    explicit PlayedDevice(std::map<std::string, Play> plays = {}) : plays_(std::move(plays)) {}

    const cuda::DeviceFacts& facts() const override { return device_->facts(); }
    std::vector<std::string> kernel_names() const override { return device_->kernel_names(); }
    std::vector<std::pair<std::string, std::uint64_t>> counters() const override { return device_->counters(); }
    std::unique_ptr<cuda::AttentionExecutor> make_executor(const Problem& problem, DType type,
                                                           const std::optional<std::string>& kernel) override {
        return std::make_unique<PlayedPlan>(device_->make_executor(problem, type, kernel), plays_[kernel.value()]);
    }
    std::unique_ptr<cuda::AttentionExecutor> make_executor_on(const cuda::DeviceTensors& tensors,
                                                              const Problem& problem, DType type,
                                                              const std::optional<std::string>& kernel) override {
        return device_->make_executor_on(tensors, problem, type, kernel);
    }

private:
    std::map<std::string, Play> plays_;
    std::unique_ptr<cuda::Device> device_ = cuda::emulated_device();
};

} // namespace

TEST_CASE("every step of the ladder is right at every case, or says why it cannot do it") {
    PlayedDevice device;
    for (const DType type : {DType::bf16, DType::f16}) {
        double worst = 0;
        int ran = 0, left_out = 0;
        for (const LadderCase& of : cases) {
            LadderBench bench(device, type, {of}); // on its own, so that no step was met as slow before
            const LadderSpeed found = bench.speed(of, short_effort);
            REQUIRE(found.steps.size() == device.kernel_names().size());
            REQUIRE(found.fastest() != nullptr);
            for (const KernelSpeed& step : found.steps) {
                CAPTURE(step.kernel);
                CHECK(step.left_out.empty() == !step.samples.empty());
                CHECK(step.errors.within_bounds());
                worst = std::max({worst, step.errors.out, step.errors.lse});
                (step.left_out.empty() ? ran : left_out) += 1;
            }
        }
        MESSAGE(cuda::type_name(type), ": ", ran, " ran, ", left_out, " left out, largest error ", worst,
                " of the bound");
        CHECK(worst > 0);
        CHECK(left_out > 0); // r that does not divide w
    }
}

TEST_CASE("a step with one wrong row, a shifted lse or a NaN is neither right nor the fastest") {
    const LadderCase& of = cases[0];
    const std::vector<std::function<void(TensorView<float>, float*)>> spoils = {
        [](TensorView<float> out, float*) { out.rows(0, 0).row(0).setZero(); },
        [](TensorView<float> out, float*) { out.rows(1, 1).row(39) *= 1.5F; },
        [](TensorView<float>, float* lse) { lse[0] += 0.01F; },
        [](TensorView<float> out, float*) { out.row(0, 0, 0)[3] = std::numeric_limits<float>::quiet_NaN(); },
        [](TensorView<float>, float* lse) { lse[0] = -std::numeric_limits<float>::infinity(); },
    };
    for (const auto& spoil : spoils) {
        PlayedDevice device({{"wide", {.spoil = spoil}}});
        LadderBench bench(device, DType::bf16, {of});
        const LadderSpeed found = bench.speed(of, short_effort);
        for (const KernelSpeed& step : found.steps) {
            CAPTURE(step.kernel);
            CHECK(step.errors.within_bounds() == (step.kernel != "wide"));
        }
        REQUIRE(found.fastest() != nullptr);
        CHECK(found.fastest()->kernel != "wide");
    }
}

TEST_CASE("FLOPs are 4 D of the visible pairs, counted one by one") {
    for (const LadderCase& of : cases) {
        Index pairs = 0;
        for (Index i = 0; i < of.tokens; ++i)
            for (Index j = 0; j < of.tokens; ++j) {
                const auto selected = [&](Index n) { return n % of.segment_length % of.dilation_rate == 0; };
                pairs += selected(i) && selected(j) && i / of.segment_length == j / of.segment_length &&
                         (j <= i || !of.causal);
            }
        CHECK(of.flops() == 4.0 * static_cast<double>(of.head_dim * pairs * of.batch * of.heads));
    }
}

TEST_CASE(
    "a step that is met as slow is left out of later cases of its head size, with its share of the fastest's rate") {
    PlayedDevice device({{"naive", {.seconds = 11e-6}},
                         {"tiled", {.seconds = 5e-6}},
                         {"tensor_core", {.seconds = 1.9e-6}},
                         {"pipelined", {.seconds = 1e-6}},
                         {"wide", {.seconds = 2.1e-6}},
                         {"hopper", {.seconds = 1.5e-6}}});
    const LadderCase first = cases[0], second{1, 40, 2, 64, false, 20, 1}, other_size{1, 40, 2, 16, false, 20, 1};
    LadderBench bench(device, DType::bf16, {first, second, other_size});
    const LadderSpeed met = bench.speed(first, short_effort), later = bench.speed(second, short_effort),
                      other = bench.speed(other_size, short_effort);
    const auto step = [](const LadderSpeed& found, const std::string& kernel) {
        return *std::ranges::find(found.steps, kernel, &KernelSpeed::kernel);
    };
    CHECK(met.fastest()->kernel == "pipelined");
    CHECK(step(met, "naive").samples.size() == 1); // not run again
    CHECK(step(met, "tiled").samples.size() == 2);
    CHECK(met.tflops(step(met, "tiled")) == doctest::Approx(first.flops() / 5e-6 / 1e12));
    CHECK(step(later, "naive").left_out == "it reached 9 % of the fastest's rate where it was first met");
    CHECK(step(later, "tiled").left_out == "it reached 20 % of the fastest's rate where it was first met");
    CHECK(step(later, "wide").left_out == "it reached 48 % of the fastest's rate where it was first met");
    CHECK(step(later, "tensor_core").samples.size() == 2);
    CHECK(step(other, "tiled").samples.size() == 2);
}

TEST_CASE("the table has the fastest kernel of every case, and finds it again") {
    PlayedDevice device({{"wide", {.seconds = 1e-9}}});
    std::vector<LadderSpeed> found;
    LadderBench bench(device, DType::f16, cases);
    for (const LadderCase& of : cases) found.push_back(bench.speed(of, short_effort));
    const cuda::ChoiceTable table = choices(device.facts(), DType::f16, found);
    REQUIRE(table.choices.size() == cases.size());
    for (const LadderCase& of : cases) {
        cuda::Parameters asked{};
        asked.tokens = static_cast<int>(of.tokens);
        asked.head_dim = static_cast<int>(of.head_dim);
        asked.segment_length = static_cast<int>(of.segment_length);
        asked.dilation_rate = static_cast<int>(of.dilation_rate);
        asked.causal = of.causal;
        CHECK(table.kernel(DType::f16, asked, device.facts().architecture) == "wide");
        CHECK(table.kernel(DType::bf16, asked, device.facts().architecture) == std::nullopt);
    }
}

TEST_CASE("the usual cases are 16 dense and 48 dilated ones, each of 2,048 channels") {
    std::set<std::tuple<Index, bool, Index, Index>> dense, dilated;
    for (const LadderCase& of : usual_ladder_cases()) {
        CHECK(of.heads * of.head_dim == 2048);
        CHECK(of.tokens % of.segment_length == 0);
        const bool whole = of.segment_length == of.tokens && of.batch * of.tokens == 16384;
        (whole ? dense : dilated).emplace(of.head_dim, of.causal, of.rows(), of.dilation_rate);
    }
    CHECK(dense.size() == 16);
    CHECK(dilated.size() == 48);
}

} // namespace dra::test
