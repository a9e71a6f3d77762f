#include "distributed/host_engine.hpp"

#include "reference/attention/team.hpp"
#include "reference/definition/pattern.hpp"
#include "reference/definition/team_size.hpp"

namespace dra::distributed {
namespace {

/// The kinds of tensors that are allocated for a place.
enum Kind { first_operand, second_operand, first_gradient, second_gradient, first_lost, second_lost };

} // namespace

template <class T> HostEngine<T>::HostEngine(const Problem& problem, const Itinerary& itinerary,
                                             const InputsView<T>& shard, std::optional<TensorView<const T>> dout)
    : problem_(problem), itinerary_(itinerary), memory_(problem, itinerary), lost_(itinerary.places.size()),
      workspaces_(static_cast<std::size_t>(omp_get_max_threads())), gradient_workspaces_(workspaces_.size()) {
    memory_.put(own_queries, Operand::q, shard.q);
    memory_.put(own_keys, Operand::k, shard.k);
    memory_.put(own_keys, Operand::v, shard.v);
    if (dout) memory_.put(own_queries, Operand::dout, *dout);
    for (Index place = own_keys; place < std::ssize(itinerary.places); ++place)
        if (itinerary.places[place].holds != Holds::queries) make_keys(place, dout.has_value());
    make_queries(dout.has_value());
}

template <class T> void HostEngine<T>::make_keys(Index place, bool gradient) {
    const bool holds_keys = itinerary_.places[place].holds == Holds::keys;
    if (place == own_keys && gradient) {
        own_dk_ = own_dv_ = own_dk_lost_ = own_dv_lost_ = Tensor<T>(memory_.shape(place), T(0));
        memory_.put(place, Operand::dk, own_dk_.view());
        memory_.put(place, Operand::dv, own_dv_.view());
        lost_[place] = {own_dk_lost_.view(), own_dv_lost_.view()};
    }
    if (place == own_keys) return;
    if (holds_keys) {
        memory_.put(place, Operand::k, memory_.allocate(place, first_operand));
        memory_.put(place, Operand::v, memory_.allocate(place, second_operand));
    }
    if (!gradient) return;
    memory_.put(place, Operand::dk, memory_.allocate(place, first_gradient));
    memory_.put(place, Operand::dv, memory_.allocate(place, second_gradient));
    if (holds_keys) lost_[place] = {memory_.allocate(place, first_lost), memory_.allocate(place, second_lost)};
}

template <class T> void HostEngine<T>::make_queries(bool gradient) {
    const Index computed = itinerary_.computed;
    if (!computes_own()) {
        const Shape own = memory_.shape(own_queries);
        memory_.put(computed, Operand::q, memory_.allocate(computed, first_operand));
        own_result_ = {Tensor<T>(own), Lse<T>(own.batch, own.heads, own.tokens)};
        memory_.put(own_queries, Operand::out, own_result_.out.view());
        memory_.put(own_queries, Operand::lse, own_result_.lse);
        if (gradient) {
            memory_.put(computed, Operand::dout, memory_.allocate(computed, second_operand));
            own_dq_ = Tensor<T>(own);
            memory_.put(own_queries, Operand::dq, own_dq_.view());
        }
    }
    const Part& part = itinerary_.places[computed].part;
    const Index alone = gradient && delta_per_pattern(problem_) ? problem_.patterns() : 0;
    for (Index i = 0; i <= alone; ++i) ranks_.emplace_back(problem_, part, memory_.read(computed, Operand::q));
    memory_.put(computed, Operand::out, ranks_.front().out.view());
    memory_.put(computed, Operand::lse, ranks_.front().lse);
    if (!gradient) return;
    gradient_rank_.emplace(problem_, part, memory_.read(computed, Operand::q), memory_.read(computed, Operand::dout),
                           ranks_.front().lse);
    memory_.put(computed, Operand::dq, gradient_rank_->dq.view());
}

template <class T> void HostEngine<T>::begin_attention() {
    for (Rank<T>& rank : ranks_) rank.clear();
}

template <class T> void HostEngine<T>::begin_gradient() {
    gradient_rank_->clear();
    has_delta_ = false;
}

template <class T> VisitingKeys<T> HostEngine<T>::keys(Index place) const {
    return {itinerary_.places[place].part, memory_.read(place, Operand::k), memory_.read(place, Operand::v)};
}

template <class T> RunningGradient<T> HostEngine<T>::running(Index place, Operand operand) const {
    return {memory_.write(place, operand), lost_[place][operand == Operand::dv]};
}

/// Calls work(thread, some queries of the visit) by the team, so that every one is in one call; those of a KV head are
/// in `splits` of them.
template <class T> template <class Work>
void HostEngine<T>::share_heads(const Visit& visit, Index splits, const Work& work) const {
    const Interval heads = common(heads_of(problem_, visit.pattern), itinerary_.places[visit.keys].part.heads);
    const Index items = heads.size() * splits;
    const int threads = static_cast<int>(std::clamp<Index>(items, 1, team()));
    with_team(threads, [&](int thread) {
        share_out(threads, items, [&](Index i) {
            const Index g = heads.begin + i / splits;
            work(thread, Queries{chunk(i % splits, splits, visit.among), {g, g + 1}});
        });
    });
}

template <class T> void HostEngine<T>::attend(const Visit& visit) {
    Rank<T>* alone = ranks_.size() > 1 ? &ranks_[1 + visit.pattern] : nullptr;
    share_heads(visit, team(), [&](int thread, const Queries& asking) {
        ranks_.front().attend(keys(visit.keys), visit.pattern, asking, workspaces_[thread], alone);
    });
}

template <class T> void HostEngine<T>::find_delta() {
    const bool per_pattern = delta_per_pattern(problem_);
    for (Index i = 0; i < std::ssize(gradient_rank_->delta); ++i)
        gradient_rank_->find_delta(i, ranks_[per_pattern ? 1 + i : 0].out, gradient_workspaces_.front());
    has_delta_ = true;
}

template <class T> void HostEngine<T>::add_gradient(const Visit& visit) {
    if (!has_delta_) find_delta();
    share_heads(visit, 1, [&](int thread, const Queries& asking) {
        gradient_rank_->add({keys(visit.keys), running(visit.keys, Operand::dk), running(visit.keys, Operand::dv)},
                            visit.pattern, asking, gradient_workspaces_[thread]);
    });
}

template <class T> void HostEngine<T>::clear(Index place) {
    for (const Operand operand : {Operand::dk, Operand::dv}) {
        memory_.write(place, operand).flat().setZero();
        running(place, operand).lost.flat().setZero();
    }
}

template <class T> void HostEngine<T>::move(const Move& move) {
    const auto& [from, to, adds] = move;
    const auto head_of = [&](const Parcel& parcel, Index h) {
        return h - itinerary_.places[parcel.place].part.heads.begin;
    };
    for (Index h = from.heads.begin; h < from.heads.end; ++h) {
        const dra::Rows<T> rows = memory_.read(from.place, from.operand).rows(from.batch, head_of(from, h), from.rows);
        if (adds)
            running(to.place, to.operand).add(to.batch, head_of(to, h), to.rows, rows);
        else
            memory_.write(to.place, to.operand).rows(to.batch, head_of(to, h), to.rows) = rows;
    }
}

template <class T> TensorView<const T> HostEngine<T>::own(Operand operand) const {
    return memory_.read(is_of_keys(operand) ? own_keys : own_queries, operand);
}

template <class T> Index HostEngine<T>::memory_beyond_shards() const {
    Index elements = 0;
    if (!computes_own()) {
        elements = 2 * (ranks_.front().out.size() + ranks_.front().lse.size());
        if (has_gradient()) elements += 2 * gradient_rank_->dq.size();
    }
    return memory_.allocated() + elements * static_cast<Index>(sizeof(T));
}

template class HostEngine<float>;
template class HostEngine<double>;

} // namespace dra::distributed
