#include "benchmarks/comparison/workbench.hpp"
#include "reference/published/pipeline.hpp"

#include <limits>
#include <optional>

namespace dra::benchmarks {
namespace {

using published::Verification;

template <class T> void poison(Attention<T>& result) {
    result.out.flat().setConstant(std::numeric_limits<T>::quiet_NaN());
    result.lse.flat().setConstant(std::numeric_limits<T>::quiet_NaN());
}

template <class T> class CpuWorkbench final : public Workbench {
public:
    explicit CpuWorkbench(Inputs<T> inputs)
        : inputs_(std::move(inputs)), into_{Tensor<T>(inputs_.q.shape()),
                                            Lse<T>(inputs_.q.shape().batch, inputs_.q.shape().heads,
                                                   inputs_.q.shape().tokens)} {}

    Problem problem(const Configuration& chosen) const override { return validate(chosen, info<T>(inputs_)); }

    Oracle truth(const Problem& problem) override { return oracle<T>(problem, inputs_); }

    Subject isolated(published::Topic topic, published::Rung rung, const Problem& problem) override {
        return subject_of(published::isolate<T>(topic, rung, problem, inputs_), rung);
    }

    Subject whole_call(published::Topic opportunity, published::Rung rung, const Problem& problem) override {
        return subject_of(published::whole_call<T>(opportunity, rung, problem, inputs_), rung);
    }

    Subject pipeline(const PipelineKey& key, bool tells_first_from_later, const Problem& problem) override {
        using Pipeline = published::Pipeline<T>;
        const auto pipeline = std::make_shared<std::optional<Pipeline>>(std::in_place, problem, key.rungs);
        const auto run = [this, pipeline] { (*pipeline)->run(inputs_, into_); };
        return {.name = key.name(),
                .absent = {},
                .tells_first_from_later = tells_first_from_later,
                .run = run,
                .forget = [pipeline, problem, rungs = key.rungs] { pipeline->emplace(problem, rungs); },
                .counts = [pipeline] { return (*pipeline)->counts(); },
                .verify =
                    [this, run, problem](const Oracle& oracle) {
                        poison(into_);
                        run();
                        const ErrorRatios errors = error_ratios<T>(problem, oracle, into_);
                        return Verification{errors.within_bounds(), errors.forward()};
                    },
                .as_published = {}};
    }

private:
    static Subject subject_of(const published::IsolatedTopic& form, published::Rung rung) {
        Subject subject{.name = published::name(rung),
                        .absent = form.absent,
                        .tells_first_from_later = form.keeps,
                        .run = form.run,
                        .prepare = form.prepare,
                        .forget = form.forget,
                        .counts = form.counts,
                        .verify = form.verify,
                        .as_published = {}};
        if (form.as_published)
            subject.as_published = [judge = form.as_published](const Oracle& oracle) {
                return judge(oracle).forward();
            };
        return subject;
    }

    Inputs<T> inputs_;
    Attention<T> into_; ///< the result of whichever pipeline runs
};

} // namespace

template <class T> Inputs<T> prefix(const Inputs<T>& inputs, Index tokens) {
    const auto cut = [&](const Tensor<T>& whole) {
        Shape shape = whole.shape();
        const Index row = shape.heads * shape.head_dim, apart = shape.tokens * row;
        shape.tokens = tokens;
        Tensor<T> part(shape);
        for (Index b = 0; b < shape.batch; ++b)
            part.flat().segment(b * tokens * row, tokens * row) = whole.flat().segment(b * apart, tokens * row);
        return part;
    };
    return {cut(inputs.q), cut(inputs.k), cut(inputs.v)};
}

template <class T> std::unique_ptr<Workbench> cpu_workbench(Inputs<T> inputs) {
    return std::make_unique<CpuWorkbench<T>>(std::move(inputs));
}

template Inputs<float> prefix(const Inputs<float>&, Index);
template Inputs<double> prefix(const Inputs<double>&, Index);
template std::unique_ptr<Workbench> cpu_workbench(Inputs<float>);
template std::unique_ptr<Workbench> cpu_workbench(Inputs<double>);

} // namespace dra::benchmarks
