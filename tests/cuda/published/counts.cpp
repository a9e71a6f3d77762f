#include "tests/cuda/published/problems.hpp"

#include "cuda/simt/runtime.hpp"

#include <doctest/doctest.h>

namespace dra::cuda::test {
namespace {

/// One pattern over all tokens, so that closed forms are short: n = 96, R = 3, chunks of 32, one head.
constexpr Index n = 96, R = 3, chunk = 32, D = 16;
Asked dense(bool causal, Index ranks = R) { return {1, n, 1, 1, D, {n}, {1}, groups, group, causal, ranks}; }

/// Two segments of n / 2, dilated by 2.
constexpr Index w = 48, r = 2;
Asked dilated() { return {1, n, 1, 1, D, {w}, {r}, groups, group, false, 1}; }

/// What a call did, and what it asked of the device.
struct Found {
    published::Counts counts;
    DeviceCounts device_counts;
};

Found run(Runnable& runnable) {
    runnable.run();
    runnable.run(); // what is kept is there
    return {runnable.counts(), runnable.device_counts()};
}

Found end_to_end(const Posed<>& posed, Fix fix, Rung rung, Rung others = Rung::principled) {
    return run(*posed.pipeline(Rungs(others).with(fix, rung)));
}

TEST_CASE("fix 1: one launch per element, one per mask, none; n^2 bytes and none") {
    const Posed<> posed(dense(true));
    const auto before = run(*device().causal_masks(posed.problem(), Rung::before));
    CHECK(before.device_counts.launches == n * n);
    CHECK(before.counts.mask_elements == n * n);
    const auto after = run(*device().causal_masks(posed.problem(), Rung::after));
    CHECK(after.device_counts.launches == R);
    CHECK(after.counts.mask_elements == n * n);
    CHECK(after.device_counts.sectors == n * n / 32);
    const auto principled = run(*device().causal_masks(posed.problem(), Rung::principled));
    CHECK(principled.counts.mask_elements == R * n);

    const auto in_pipeline = [&](Rung rung) { return end_to_end(posed, Fix::causal_mask, rung); };
    const Index attention = 2 + R; // the identity, one launch per chunk, rounding
    CHECK(in_pipeline(Rung::principled).device_counts.launches == attention);
    CHECK(in_pipeline(Rung::after).device_counts.launches == attention + R);
    CHECK(in_pipeline(Rung::before).device_counts.launches == attention + n * n);
    CHECK(in_pipeline(Rung::principled).counts.mask_elements == 0);
    // Tiles of 64 rows visit every key of a chunk, or as many as their last row sees.
    CHECK(in_pipeline(Rung::after).counts.pairs == n * n);
    CHECK(in_pipeline(Rung::principled).counts.pairs == 64 * 64 + 32 * 96);
}

TEST_CASE("fix 2: rows gathered with repetition, r times the rows and r^2 the pairs; a view has none") {
    const Posed<> posed(dilated());
    const auto at = [&](Rung rung) { return run(*posed.alone(Fix::discarded_attention, rung)); };
    const auto before = at(Rung::before), after = at(Rung::after), principled = at(Rung::principled);
    CHECK(after.counts.rows_gathered == 3 * n);
    CHECK(before.counts.rows_gathered == 6 * n);
    CHECK(principled.counts.rows_gathered == 0);
    CHECK(principled.counts.pairs == n * w / (r * r));
    CHECK(after.counts.pairs == r * r * principled.counts.pairs);
    CHECK(before.counts.pairs == after.counts.pairs + 3 * n * w);
    // A gather reads and writes a row of whole sectors, and reads an index for every 16 bytes; a view reads it where it
    // is.
    CHECK(after.device_counts.sectors > 2 * principled.device_counts.sectors);
    CHECK(after.device_counts.launches == principled.device_counts.launches + 4); // three gathers and the scatter
    CHECK(before.device_counts.launches ==
          after.device_counts.launches + 6); // of q, k and v a gather and an attention each
}

TEST_CASE("fix 3: 6 n n d FLOPs before and after, 4 n n d when the kernel gives lse") {
    const Posed<> posed(dense(false));
    const auto at = [&](Rung rung) { return end_to_end(posed, Fix::double_computation, rung); };
    const auto before = at(Rung::before), after = at(Rung::after), principled = at(Rung::principled);
    CHECK(principled.counts.flops == 4 * n * n * D);
    CHECK(after.counts.flops == 6 * n * n * D);
    CHECK(before.counts.flops == after.counts.flops);
    CHECK(before.counts.pairs_again == n * n);
    CHECK(principled.counts.pairs_again == 0);
    CHECK(before.device_counts.launches == principled.device_counts.launches + 2 * R); // statistics, and then the merge
    // The tensor cores were given as much more, padding included: 6 to 4.
    CHECK(2 * before.device_counts.tensor_flops == 3 * principled.device_counts.tensor_flops);
}

TEST_CASE("fix 4: the same launches, pairs and FLOPs in all rungs") {
    const Posed<> posed(dense(true));
    const auto at = [&](Rung rung) { return end_to_end(posed, Fix::duplicate_methods, rung); };
    const auto principled = at(Rung::principled);
    for (const Rung rung : {Rung::before, Rung::after}) {
        CHECK(at(rung).counts == principled.counts);
        CHECK(at(rung).device_counts.launches == principled.device_counts.launches);
        CHECK(at(rung).device_counts.tensor_flops == principled.device_counts.tensor_flops);
    }
}

TEST_CASE("fix 5: three allocations per chunk and pattern, two and n^2 bytes kept, none") {
    const Posed<> posed(dense(true));
    const Rungs asking =
        Rungs(Rung::principled).with(Fix::causal_mask, Rung::after).with(Fix::discarded_attention, Rung::after);
    const auto at = [&](Rung rung) { return run(*posed.pipeline(asking.with(Fix::caching, rung))); };
    const auto before = at(Rung::before), after = at(Rung::after), principled = at(Rung::principled);
    const Index list_bytes = 4 * (R * n + n); // of q's rows for every chunk, and of k's
    CHECK(before.device_counts.allocations == 3 * R);
    CHECK(before.device_counts.allocated_bytes == n * n + list_bytes);
    CHECK(before.device_counts.uploaded_bytes == list_bytes);
    CHECK(before.counts.mask_bytes_kept == 0);
    CHECK(after.device_counts.allocations == 2 * R);
    CHECK(after.device_counts.allocated_bytes == list_bytes);
    CHECK(after.device_counts.uploaded_bytes == list_bytes);
    CHECK(after.counts.mask_bytes_kept == n * n);
    CHECK(after.counts.mask_elements == 0);
    CHECK(principled.device_counts.allocations == 0);
    CHECK(principled.device_counts.uploaded_bytes == 0);
    CHECK(principled.counts.mask_bytes_kept == 0);
    CHECK(principled.counts.mask_elements == n * n); // fix 1 still asks, and the plan fills its own bytes
}

TEST_CASE("everything principled asks for no memory, no mask and no list") {
    const Posed<> posed({1, n, 4, 2, D, {w, n}, {1, 2}, mixture, head, true, R});
    const auto runnable = posed.pipeline(Rungs(Rung::principled));
    runnable->run();
    const DeviceCounts& asked = runnable->device_counts();
    CHECK(asked.allocations == 0);
    CHECK(asked.uploaded_bytes == 0);
    CHECK(asked.launches == 2 + 2 * R); // one launch per chunk and pattern
    CHECK(runnable->counts().mask_elements == 0);
    CHECK(runnable->counts().index_elements == 0);
    CHECK(runnable->counts().rows_gathered == 0);
}

TEST_CASE("the pairs counted on the host are those that the kernels visit") {
    for (const Asked& asked :
         {dense(true), dilated(), Asked{2, 75, 4, 2, 8, {30, 75}, {3, 4}, mixture, head, true, 4}}) {
        const Posed<> posed(asked);
        for (const Index number : {0, 40, 121, 162, 242}) {
            const auto runnable = posed.pipeline(Rungs::numbered(number));
            simt::counters() = {};
            runnable->run();
            CHECK(static_cast<Index>(simt::counters().visible_pairs) == runnable->counts().pairs);
            CHECK(static_cast<Index>(simt::counters().launches) == runnable->device_counts().launches);
        }
    }
}

TEST_CASE("a timed run does what a run does, and counts nothing that takes time") {
    const Posed<> posed(dense(true));
    const auto runnable = posed.pipeline(Rungs(Rung::principled));
    const RunTime time = runnable->timed_run();
    CHECK(time.host_seconds > 0);
    CHECK(posed.share(*runnable) <= 1);
}

} // namespace
} // namespace dra::cuda::test
