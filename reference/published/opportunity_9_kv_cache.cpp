#include "reference/published/opportunity_9_kv_cache.hpp"

#include "reference/attention/dilated_attention.hpp"
#include "reference/attention/team.hpp"
#include "reference/definition/team_size.hpp"

#include <optional>

namespace dra::published::opportunity_9 {

template <class T> Tensor<T> tokens_of(TensorView<const T> x, Index begin, Index count) {
    Shape shape = x.shape();
    shape.tokens = count;
    Tensor<T> part(shape);
    for (Index b = 0; b < shape.batch; ++b)
        for (Index h = 0; h < shape.heads; ++h) part.view().rows(b, h) = x.rows(b, h, {begin, 1, count});
    return part;
}

namespace {

template <class T> class PrefixDecoder final : public Decoder<T> {
public:
    PrefixDecoder(const Problem& problem, const InputsView<T>& inputs)
        : plan_(make_plan(problem)), workspace_(plan_),
          inputs_(inputs), prefix_{Tensor<T>(problem.q_shape()), Lse<T>(problem.batch, problem.heads, problem.tokens)} {
    }
    void prepare() override {}
    Counts decode(const Token<T>& token) override {
        const Problem& problem = plan_.problem;
        const Index last = problem.tokens - 1;
        dilated_attention<T>(plan_, inputs_, prefix_, workspace_);
        for (Index b = 0; b < problem.batch; ++b)
            for (Index h = 0; h < problem.heads; ++h) {
                token.out.rows(b, h) = prefix_.out.view().rows(b, h, {last, 1, 1});
                token.lse(b, h, 0) = prefix_.lse(b, h, last);
            }
        Counts counts = visible_pairs(problem);
        for_each_view(problem, [&](Index, const View& view) { counts.rows_read += view.positions.count; });
        return counts;
    }

private:
    Plan plan_;
    dra::Workspace<T> workspace_;
    InputsView<T> inputs_;
    Attention<T> prefix_;
};

/// Keys that a mask hides, the same for every row. A Visible of kernel::attend_panels.
struct MaskedKeys {
    const std::vector<char>& seen;

    template <class T> struct Panel {
        Index end, full = 0;
        const char* seen;

        DRA_INLINE void mask(Index j, kernel::Microtile<T>& s) const {
            DRA_UNROLL (i, kernel::strip)
                if (j + i >= end || !seen[j + i])
                    DRA_UNROLL (c, kernel::vectors)
                        s.r[i].v[c] = kernel::Vector<T>{} - std::numeric_limits<T>::infinity();
        }
    };
    template <class T> Panel<T> panel(Index, Index) const { return {static_cast<Index>(seen.size()), 0, seen.data()}; }
};

template <class T> class DenseCache final : public Decoder<T> {
public:
    DenseCache(const Problem& problem, TensorView<const T> k, TensorView<const T> v)
        : problem_(problem), k_(tokens_of(k, 0, problem.tokens)), v_(tokens_of(v, 0, problem.tokens)),
          spaces_(static_cast<std::size_t>(threads_for(problem.batch * problem.kv_heads)),
                  Space{{}, kernel::PanelWorkspace<T>(problem.head_dim), {}}) {}
    void prepare() override {} // the last row is written again

    Counts decode(const Token<T>& token) override {
        for (Index b = 0; b < problem_.batch; ++b)
            for (Index g = 0; g < problem_.kv_heads; ++g) {
                k_.view().rows(b, g).bottomRows(1) = token.k.rows(b, g);
                v_.view().rows(b, g).bottomRows(1) = token.v.rows(b, g);
            }
        const int threads = static_cast<int>(spaces_.size());
        for (Space& space : spaces_) space.counts = {};
        with_team(threads, [&](int thread) {
            share_out(threads, problem_.batch * problem_.kv_heads, [&](Index item) {
                decode_head(token, item / problem_.kv_heads, item % problem_.kv_heads, spaces_[thread]);
            });
        });
        Counts counts;
        for (const Space& space : spaces_) counts += space.counts;
        counts.flops = 4 * problem_.head_dim * counts.pairs;
        counts.bytes_kept = 2 * k_.size() * static_cast<Index>(sizeof(T));
        return counts;
    }

private:
    struct Space {
        kernel::PackedKeys<T> packed;
        kernel::PanelWorkspace<T> panels;
        Counts counts;
    };

    void decode_head(const Token<T>& token, Index b, Index g, Space& space) {
        const Index per_kv_head = problem_.query_heads_per_kv_head(), n = problem_.tokens;
        for (Index h = g * per_kv_head; h < (g + 1) * per_kv_head; ++h)
            clear(Partial<T>{token.out.rows(b, h), token.lse.rows(b, h, {0, 1, 1})});
        space.packed.resize(n, problem_.head_dim);
        space.packed.pack(k().rows(b, g), v().rows(b, g), 0, n);
        for (Index pattern = 0; pattern < problem_.patterns(); ++pattern) {
            if (!uses(problem_, pattern, g)) continue;
            const std::vector<char> seen = mask(pattern, g);
            space.counts.mask_elements += n;
            space.counts.rows_read += n;
            space.counts.pairs += per_kv_head * n;
            for (Index h = g * per_kv_head; h < (g + 1) * per_kv_head; ++h)
                kernel::attend_panels(
                    token.q.rows(b, h),
                    kernel::PackedView{space.packed, MaskedKeys{seen}, static_cast<T>(problem_.softmax_scale)}, {0, 1},
                    Partial<T>{token.out.rows(b, h), token.lse.rows(b, h, {0, 1, 1})}, Combine::merge, space.panels);
        }
    }

    /// What the last token sees of all tokens.
    std::vector<char> mask(Index pattern, Index g) const {
        const Pattern p = pattern_of(problem_, pattern, g);
        const Index last = problem_.tokens - 1, begin = p.segment_of(last) * p.segment_length;
        const auto selects = [&](Index n) {
            const Index in_segment = n % p.segment_length;
            return in_segment >= p.phase && (in_segment - p.phase) % p.dilation_rate == 0;
        };
        std::vector<char> seen(static_cast<std::size_t>(problem_.tokens), 0);
        for (Index n = 0; n <= last; ++n) seen[n] = n >= begin && selects(last) && selects(n);
        return seen;
    }

    TensorView<const T> k() const { return k_; }
    TensorView<const T> v() const { return v_; }

    Problem problem_;
    Tensor<T> k_, v_;
    std::vector<Space> spaces_;
};

template <class T> class DilatedCache final : public Decoder<T> {
public:
    DilatedCache(const Problem& problem, TensorView<const T> k, TensorView<const T> v)
        : problem_(problem), k_(tokens_of(k, 0, problem.tokens - 1)), v_(tokens_of(v, 0, problem.tokens - 1)) {
        prepare();
    }
    void prepare() override {
        cache_.emplace(problem_);
        if (problem_.tokens > 1) cache_->append(k_, v_);
    }
    Counts decode(const Token<T>& token) override {
        const Index kept = cache_->rows_kept();
        cache_->decode(token, token);
        Counts counts;
        counts.rows_read = cache_->rows_read();
        counts.pairs = problem_.query_heads_per_kv_head() * counts.rows_read;
        counts.flops = 4 * problem_.head_dim * counts.pairs;
        counts.bytes_kept = 2 * kept * problem_.head_dim * static_cast<Index>(sizeof(T));
        return counts;
    }

private:
    Problem problem_;
    Tensor<T> k_, v_; ///< all tokens but the last
    std::optional<KvCache<T>> cache_;
};

} // namespace

template <class T> std::unique_ptr<Decoder<T>> decoder(Rung rung, const Problem& problem, const InputsView<T>& inputs) {
    if (rung == Rung::before) return std::make_unique<PrefixDecoder<T>>(problem, inputs);
    if (rung == Rung::after) return std::make_unique<DenseCache<T>>(problem, inputs.k, inputs.v);
    return std::make_unique<DilatedCache<T>>(problem, inputs.k, inputs.v);
}

#define DRA_INSTANTIATE(T)                                           \
    template Tensor<T> tokens_of(TensorView<const T>, Index, Index); \
    template std::unique_ptr<Decoder<T>> decoder(Rung, const Problem&, const InputsView<T>&);
DRA_INSTANTIATE(float)
DRA_INSTANTIATE(double)
#undef DRA_INSTANTIATE

} // namespace dra::published::opportunity_9
