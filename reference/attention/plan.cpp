#include "reference/attention/plan.hpp"

#include "reference/attention/team.hpp"
#include "reference/attention/views.hpp"
#include "reference/attention/workspace_memory.hpp"
#include "reference/definition/team_size.hpp"

namespace dra {
namespace {

/// The rows packed at a time: large enough that a barrier costs nothing, small enough to stay near the cores.
constexpr Index wave_rows = 16384, gradient_wave_rows = 32768;

/// Parts of the views of a wave: enough that few long views reach all cores, few enough that adding up costs little,
/// and none of less than a query block of queries.
constexpr Index parts_of_wave = 16, most_parts = 8, queries_of_part = 256;

/// Starts the team of the calling thread.
void start_team(int threads) {
    if (is_alone(threads)) return; // the barrier would be one of the caller's team
    with_team(threads, [](int) {
#pragma omp barrier
    });
}

} // namespace

Plan make_plan(const Problem& problem) {
    Plan plan{problem, 1, {}, {}};
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern) {
        const Views views(problem, pattern);
        const Index panels =
            views.count() * problem.query_heads_per_kv_head() * ceil_div(views.longest(), kernel::lanes<double>);
        plan.threads = std::max(plan.threads, threads_for(panels)); // nothing is shared out in more items than panels
        const auto views_of = [&](Index rows) {
            return std::clamp<Index>(rows / views.longest(), 1, std::max<Index>(views.count(), 1));
        };
        const Index of_gradient = views_of(gradient_wave_rows);
        plan.wave_size.push_back(views_of(wave_rows));
        plan.gradient_waves.push_back(
            {of_gradient, std::min({ceil_div(parts_of_wave, of_gradient), most_parts,
                                    ceil_div(problem.query_heads_per_kv_head() * views.longest(), queries_of_part)})});
    }
    return plan;
}

template <class T> Workspace<T>::Workspace(const Plan& plan) : memory_(opaque<Memory>()) {
    const Index head_dim = plan.problem.head_dim;
    auto& [wave, panels] = *memory_;
    wave.resize(static_cast<std::size_t>(*std::ranges::max_element(plan.wave_size)));
    for (Index pattern = 0; pattern < plan.problem.patterns(); ++pattern) {
        const Index longest = Views(plan.problem, pattern).longest();
        for (Index slot = 0; slot < plan.wave_size[pattern]; ++slot) wave[slot].resize(longest, head_dim);
    }
    panels.assign(static_cast<std::size_t>(plan.threads), kernel::PanelWorkspace<T>(head_dim));
    start_team(plan.threads);
}

template <class T> GradientWorkspace<T>::GradientWorkspace(const Plan& plan) : memory_(opaque<Memory>()) {
    const Problem& problem = plan.problem;
    const auto threads = static_cast<std::size_t>(plan.threads);
    auto& [delta, wave, panels, alone] = *memory_;
    delta = Lse<Extended<T>>(problem.batch, problem.heads, problem.tokens);
    Index longest = 0;
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern) {
        const Views views(problem, pattern);
        const auto [slots, parts] = plan.gradient_waves[pattern];
        wave.resize(std::max(wave.size(), static_cast<std::size_t>(slots)));
        for (Index slot = 0; slot < slots; ++slot) wave[slot].resize(views.longest(), problem.head_dim, parts);
        longest = std::max(longest, views.longest());
    }
    panels.assign(threads, kernel::GradientPanels<T>(problem.head_dim));
    if (problem.mode == Mode::mixture && problem.stop_gradient_mixing)
        alone.assign(threads, PatternAlone<T>(longest, problem.head_dim));
    start_team(plan.threads);
}

template class Workspace<float>;
template class Workspace<double>;
template class GradientWorkspace<float>;
template class GradientWorkspace<double>;

} // namespace dra
