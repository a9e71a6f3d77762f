#include "reference/published/fix_4_duplicate_methods.hpp"
#include "tests/published/problems.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>

namespace dra::published::test {
namespace {

constexpr Index N = 40, L = 16, D = 8;

using Sees = std::function<bool(Index row, Index col, Index offset)>;

/// What a method does at an offset, as its header says.
struct PublishedMethod {
    std::string name;
    Method<double> method;
    Sees sees;
    bool right;
};

const PublishedMethod methods[] = {
    {"simple_attention", fix_4::simple_attention<double>, [](Index i, Index j, Index) { return i >= j; }, false},
    {"compute_attention_chunk", fix_4::compute_attention_chunk<double>,
     [](Index i, Index j, Index o) { return o > 0 || i >= j; }, false},
    {"compute_attention_standard", fix_4::compute_attention_standard<double>,
     [](Index i, Index j, Index o) { return i >= j + o; }, true},
    {"online_softmax_attention", fix_4::online_softmax_attention<double>,
     [](Index i, Index j, Index o) { return i + o >= j; }, false},
    {"compute_attention", fix_4::compute_attention<double>, [](Index i, Index j, Index o) { return o > 0 || i >= j; },
     false},
    {"attend", fix_4::attend<double>, [](Index i, Index j, Index o) { return i >= j + o; }, true},
};

/// Queries 0 .. N against a chunk of L keys that are numbered from 0 and start at position `offset`.
struct Chunk {
    Tensor<double> q = random_normal<double>({1, N, 1, D}, 1), k = random_normal<double>({1, L, 1, D}, 2),
                   v = random_normal<double>({1, L, 1, D}, 3);
    RowMajor<double> out;
    Eigen::ArrayXd lse;

    /// Stores, or merges with (0, -inf).
    void compute(Method<double> method, Index offset, Combine combine = Combine::store) {
        Workspace<double> workspace(D);
        workspace.start();
        const auto& packed = workspace.pack(std::as_const(k).view().rows(0, 0), std::as_const(v).view().rows(0, 0));
        out.setConstant(N, D, std::numeric_limits<double>::quiet_NaN());
        lse.setConstant(N, std::numeric_limits<double>::quiet_NaN());
        if (combine == Combine::merge) clear(partial_of(out, lse));
        const Masking masking = Masking::of({{0, 1, N}, {0, 1, L}, true});
        method({std::as_const(q).view().rows(0, 0), packed, masking, 0.3, workspace, offset}, partial_of(out, lse),
               combine);
    }
    /// max |out - softmax over what is seen|, one row at a time and by definition.
    double distance(const Sees& sees, Index offset) const {
        double worst = 0;
        for (Index i = 0; i < N; ++i) {
            double sum = 0;
            Eigen::RowVectorXd row = Eigen::RowVectorXd::Zero(D);
            for (Index j = 0; j < L; ++j) {
                if (!sees(i, j, offset)) continue;
                double score = 0;
                for (Index d = 0; d < D; ++d) score += 0.3 * q(0, i, 0, d) * k(0, j, 0, d);
                const double weight = std::exp(score);
                sum += weight;
                row += weight * v.view().rows(0, 0).row(j);
            }
            if (sum > 0) row /= sum;
            for (Index d = 0; d < D; ++d)
                if (const double error = std::abs(out(i, d) - row[d]); !(error <= worst)) worst = error;
        }
        return worst;
    }
};

constexpr double rounding = 1e-13; ///< of outputs about 1, in double

TEST_CASE("at offset 0 all methods agree") {
    Chunk chunk;
    for (const PublishedMethod& published : methods)
        for (const Combine combine : {Combine::store, Combine::merge}) {
            CAPTURE(published.name);
            chunk.compute(published.method, 0, combine);
            CHECK(chunk.distance(published.sees, 0) <= rounding);
            CHECK(chunk.distance([](Index i, Index j, Index) { return i >= j; }, 0) <= rounding);
        }
}

TEST_CASE("at an offset above 0 the copies disagree, and only those that compare row with col + offset are right") {
    Chunk chunk;
    const Sees definition = [](Index i, Index j, Index offset) { return j + offset <= i; };
    Index wrong = 0;
    for (const PublishedMethod& published : methods) {
        CAPTURE(published.name);
        chunk.compute(published.method, 12);
        CHECK(chunk.distance(published.sees, 12) <= rounding); // what its header says
        const double error = chunk.distance(definition, 12);
        MESSAGE(published.name, " at offset 12: off by ", error);
        CHECK((error <= rounding) == published.right);
        if (!published.right) CHECK(error > 0.1);
        wrong += !published.right;
    }
    CHECK(wrong == 4);
}

TEST_CASE("the pipeline's choice of a method") {
    using fix_4::method;
    CHECK((method<float>(Rung::before, 1, true) == fix_4::simple_attention<float>));
    CHECK((method<float>(Rung::before, 1, false) == fix_4::compute_attention_chunk<float>));
    CHECK((method<float>(Rung::before, 2, false) == fix_4::compute_attention_standard<float>));
    CHECK((method<float>(Rung::before, 2, true) == fix_4::online_softmax_attention<float>));
    CHECK((method<float>(Rung::after, 1, true) == fix_4::compute_attention<float>));
    CHECK((method<float>(Rung::after, 2, true) == fix_4::online_softmax_attention<float>));
    CHECK((method<float>(Rung::principled, 2, true) == fix_4::attend<float>));
}

} // namespace
} // namespace dra::published::test
