#include "reference/defects/diagnose.hpp"
#include "reference/defects/one_rank.hpp"
#include "reference/definition/team_size.hpp"

#include <algorithm>

namespace dra::defects {
namespace {

constexpr Index tokens_worth_a_team = 64; // below, starting threads takes longer than a run

std::string text(const Shape& shape) {
    return "[" + std::to_string(shape.batch) + ", " + std::to_string(shape.tokens) + ", " +
           std::to_string(shape.heads) + ", " + std::to_string(shape.head_dim) + "]";
}

void require_shapes(const Problem& problem, const Inputs& inputs, const Result& result) {
    const auto require = [](const char* name, const Tensor<double>& x, const Shape& expected) {
        if (x.shape() != expected)
            throw ShapeError(std::string(name) + ".shape", text(x.shape()), "must be " + text(expected));
    };
    require("out", result.out, problem.q_shape());
    if (result.lse && result.lse->shape() != std::array{problem.batch, problem.heads, problem.tokens})
        throw ShapeError("lse.shape", std::to_string(result.lse->size()) + " elements", "must be [B, H, N]");
    if (result.dq) require("dq", *result.dq, problem.q_shape());
    if (result.dk) require("dk", *result.dk, problem.kv_shape());
    if (result.dv) require("dv", *result.dv, problem.kv_shape());
    if (result.has_gradients() && !inputs.dout)
        throw ShapeError("dout", "(missing)", "must be given where dq, dk or dv are");
}

/// One way to make a mistake.
struct Suspect {
    std::size_t defect; ///< its number in the catalogue
    Ingredients wrong;
    bool shows = false;
    std::optional<Match> match = {};
};

/// Every form of every defect that may show.
std::vector<Suspect> suspects(const Problem& problem, const Result& result, std::vector<InvisibleDefect>& invisible) {
    std::vector<Suspect> all;
    for (std::size_t i = 0; i < catalogue().size(); ++i) {
        const Defect& defect = catalogue()[i];
        std::string reason = defect.hidden(problem);
        if (reason.empty()) reason = not_in(result, defect.kind);
        if (reason.empty())
            for (Ingredients& wrong : defect.forms(problem)) all.push_back({i, std::move(wrong)});
        else
            invisible.push_back({defect.id, reason});
    }
    return all;
}

/// The best of a defect's forms.
std::optional<Match> better(std::optional<Match> a, std::optional<Match> b) {
    if (!a || !b) return a ? a : b;
    return std::pair(b->fit, b->residual) < std::pair(a->fit, a->residual) ? b : a;
}

} // namespace

Diagnosis diagnose(const Problem& problem, const Inputs& inputs, const Result& result, const Narrator& narrate) {
    const bool ended_in_error = !result.error.empty();
    if (!ended_in_error) require_shapes(problem, inputs, result);
    const Inputs judged_by{{inputs.q, inputs.k, inputs.v}, result.has_gradients() ? inputs.dout : std::nullopt};
    narrate("the oracle", 0, 1);
    const Oracle truth = oracle<double>(problem, inputs, judged_by.dout);
    const Bounds bounds(result.dtype, problem, judged_by, truth);

    Diagnosis diagnosis;
    if (!ended_in_error) diagnosis.errors = bounds.judge(result);
    diagnosis.correct = !ended_in_error && diagnosis.errors.within_bounds();
    std::vector<Suspect> all = suspects(problem, result, diagnosis.invisible);
    if (diagnosis.correct)
        std::erase_if(all, [](const Suspect& one) { return catalogue()[one.defect].kind != Kind::cost; });
    if (!diagnosis.correct && !ended_in_error) diagnosis.rows = row_errors(bounds, result);
    const Index right_pairs = result.pairs ? observe({}, problem, {{inputs.q, inputs.k, inputs.v}}).cost.pairs : 1;

    const Inputs forward{{inputs.q, inputs.k, inputs.v}};
    const auto run = [&](Suspect& suspect) {
        const Defect& defect = catalogue()[suspect.defect];
        const Inputs& seen = defect.kind == Kind::gradient ? judged_by : forward;
        const Prediction predicted(defect.kind, observe(suspect.wrong, problem, seen), bounds, result, right_pairs);
        suspect.shows = predicted.shows;
        suspect.match = match(defect, predicted, bounds, result, diagnosis.errors);
    };
    std::optional<OneRank> one_rank;
    if (!diagnosis.rows.empty()) one_rank.emplace(problem, forward, bounds, result, diagnosis.errors, diagnosis.rows);
    const int team = problem.tokens > tokens_worth_a_team ? threads_for(static_cast<Index>(all.size())) : 1;
    Index done = 0;
#pragma omp parallel for schedule(dynamic, 1) num_threads(team)
    for (Suspect& suspect : all) {
#pragma omp critical(narrate)
        narrate("the forms of defects", done++, static_cast<Index>(all.size()));
        const Defect& defect = catalogue()[suspect.defect];
        if (defect.by_chunk) {
            const auto [shows, matches] = one_rank ? one_rank->run(defect, suspect.wrong) : OneRank::Outcome{};
            suspect.shows = shows;
            if (!matches) continue;
        }
        run(suspect);
    }
    for (Suspect& suspect : all) { // where none of them shows in that one rank
        const auto shows = [&](const Suspect& other) { return other.defect == suspect.defect && other.shows; };
        if (catalogue()[suspect.defect].by_chunk && std::ranges::none_of(all, shows)) {
            narrate(catalogue()[suspect.defect].id + " in every rank", 0, 1);
            run(suspect);
        }
    }
    for (std::size_t i = 0; i < catalogue().size(); ++i) {
        std::optional<Match> best;
        bool tried = false, shows = false;
        for (const Suspect& suspect : all)
            if (suspect.defect == i) {
                tried = true;
                shows |= suspect.shows;
                best = better(best, suspect.match);
            }
        if (best)
            diagnosis.matches.push_back(*best);
        else if (shows)
            diagnosis.absent.push_back(catalogue()[i].id);
        else if (tried)
            diagnosis.invisible.push_back({catalogue()[i].id, "with these tensors its result is right"});
    }
    sort_best_first(diagnosis.matches);
    if (diagnosis.correct || ended_in_error) return diagnosis;
    narrate("the properties", 0, 1);
    diagnosis.violated = violations(bounds, problem, inputs, result, diagnosis.rows);
    return diagnosis;
}

} // namespace dra::defects
