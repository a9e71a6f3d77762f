#include "reference/published/catalogue.hpp"

#include <algorithm>
#include <iterator>

namespace dra::published {

namespace {

const Rungs all_before(Rung::before);

/// Everything before, and then this one fix.
Rungs fixed(Fix fix) { return all_before.with(fix, Rung::after); }

constexpr const char* as_printed = "the range as it is printed, as time before / time after";

std::vector<Entry> make_fixes() {
    return {
        {.topic = Fix::causal_mask,
         .id = "causal-mask",
         .title = "Causal mask",
         .section = "1. Fixed O(n^2) Nested Loops in Causal Mask",
         .teaches = "A faster way of writing n^2 booleans is still O(n^2); not writing them is O(n).",
         .rungs =
             {.before = {.words = {"nested loops",
                                   "Two scalar loops fill a dense mask, a test and a branch an element."},
                         .on_gpu = Words{"a launch an element",
                                         "Two loops on the host fill a dense mask in device memory, a kernel "
                                         "launch an element: what a tensor write in a loop costs."}},
              .after =
                  {.words =
                       {"broadcast comparison",
                        "A column of row indices is compared with a row of column indices into the same dense mask."},
                   .on_gpu = Words{"one comparing kernel",
                                   "One kernel fills the dense mask; attention reads a byte of it a score."}},
              .principled = {.words = {"row extents",
                                       "One number a row says how many keys it sees; tiles are full, empty or at the "
                                       "edge, and there is no mask."}}},
         .claims = {{.words = "2-10x faster for long sequences (due to O(n^2) -> O(n) fix)",
                     .quantity = Quantity::speed_up,
                     .low = 2,
                     .high = 10,
                     .reading = as_printed,
                     .from = all_before,
                     .to = fixed(Fix::causal_mask),
                     .causal = true,
                     .fact = "the comparison was 1250-1530 times as fast as the Python loops at n = 256-1024, but "
                             "every call passed offset 0 and never reached them: end to end 1.00x"},
                    {.words = "O(n^2) complexity for causal masks -> O(n) complexity for causal masks",
                     .quantity = Quantity::exponent,
                     .low = 0,
                     .high = 1.1,
                     .reading = "O(n) is an exponent of at most 1.1, fitted to the elements that are written",
                     .from = all_before,
                     .to = fixed(Fix::causal_mask),
                     .causal = true,
                     .fact = "loops and comparison both write n n_kv booleans; only the index vectors are O(n)"}}},

        {.topic = Fix::discarded_attention,
         .id = "discarded-attention",
         .title = "Discarded attention",
         .section = "2. Removed Incorrect Dilated Pattern Application",
         .teaches = "What is not computed costs nothing; and copies, repeats and index lists can stay behind when the "
                    "obvious waste is gone.",
         .rungs = {.before = {.words = {"three discarded attentions",
                                        "Attention of q, of k and of v with itself is computed "
                                        "segment by segment and thrown away, then as after."}},
                   .after = {.words = {"gathered and repeated",
                                       "Selected rows are gathered by an index list and repeated to "
                                       "the length before dilation: r^2 the pairs."},
                             .on_gpu =
                                 Words{"gathered and repeated",
                                       "Kernels gather rows by an index list, repeated to the length before dilation, "
                                       "and scatter what was attended: r^2 the pairs."}},
                   .principled =
                       {.words = {"strided views",
                                  "The selected rows are a view with a row stride: no list, no copy, no repeats."}}},
         .claims = {{.words = "Eliminated wasted computation and fixed incorrect behavior",
                     .reading = "no number was claimed",
                     .from = all_before,
                     .to = fixed(Fix::discarded_attention),
                     .reached_upstream = true,
                     .fact = "(n + 3w)/n of the work was done before; n = 2048, w = n: 2.74x with 2 ranks, 4.10x with "
                             "4. No behaviour changed: the results were overwritten"}}},

        {.topic = Fix::double_computation,
         .id = "double-computation",
         .title = "Double computation",
         .section = "3. Fixed Double Attention Computation",
         .teaches =
             "The pass that computes attention knows its log-sum-exp; merging chunks needs nothing computed twice.",
         .rungs = {.before = {.words = {"maximum and sum again",
                                        "After the attention pass QK^T is computed again for the maximum "
                                        "and the sum of exponentials: 6 n n_kv d FLOPs."},
                              .on_gpu = Words{"maximum and sum again",
                                              "After the attention kernel a second one computes QK^T again, for "
                                              "the maximum and the sum of exponentials: 6 n n_kv d FLOPs."}},
                   .after = {.words = {"maximum again", "QK^T is still computed again, for the maximum alone: 6 n n_kv "
                                                        "d FLOPs, and the sum was lost."}},
                   .principled =
                       {.words = {"one pass",
                                  "The attention pass returns lse, and partials are merged by it: 4 n n_kv d FLOPs."},
                        .on_gpu =
                            Words{"lse from the kernel", "The attention kernel merges by the lse that it holds in "
                                                         "registers: 4 n n_kv d FLOPs, one launch."}}},
         .claims = {{.words = "~50% reduction in computation for Flash-enabled paths",
                     .quantity = Quantity::speed_up,
                     .low = 1 / 0.55,
                     .high = 1 / 0.45,
                     .reading = "45 to 55 % of the time saved, so a speed-up about 2",
                     .from = all_before,
                     .to = fixed(Fix::double_computation),
                     .causal = false,
                     .fact = "6 n n_kv d FLOPs before and after; more than one rank never reached the branch, which "
                             "asks for not causal and n = n_kv"},
                    {.words = "~50% faster Flash Attention paths (no double computation)",
                     .quantity = Quantity::speed_up,
                     .low = 1.45,
                     .high = 1.55,
                     .reading = "1.5 times the speed, within 0.05",
                     .from = all_before,
                     .to = fixed(Fix::double_computation),
                     .causal = false,
                     .fact = "1.00x; and the sum of every chunk became 1, which is wrong"}}},

        {.topic = Fix::duplicate_methods,
         .id = "duplicate-methods",
         .title = "Duplicate methods",
         .section = "4. Consolidated Redundant Attention Methods",
         .teaches = "Copies of a function are never equal: they differ where nobody looks, at the edges.",
         .rungs =
             {.before =
                  {.words =
                       {"four methods",
                        "Four functions that disagree for a chunk offset above 0, which the pipeline never passes."},
                   .on_gpu = Words{"four launch paths", "Four launch paths, each with its own rule for a chunk offset "
                                                        "above 0, which the pipeline never passes."}},
              .after = {.words = {"one method and a path beside it",
                                  "One unified function, and an online-softmax path that computes for itself."},
                        .on_gpu =
                            Words{
                                "one path and a kernel beside it",
                                "One unified launch path, and an online-softmax kernel that combines rows by itself."}},
              .principled = {.words = {"attend and merge", "One function makes partials, one operation combines them."},
                             .on_gpu = Words{"one kernel and merge",
                                             "One kernel makes partials, one operation combines them."}}},
         .claims = {{.words = "Cleaner code, easier maintenance, consistent behavior",
                     .reading = "no number was claimed",
                     .from = all_before,
                     .to = fixed(Fix::duplicate_methods),
                     .reached_upstream = true,
                     .fact = "outputs bitwise equal, 1.00x; 22 functions became 25; the flash backend drops the mask "
                             "at offset > 0, the standard one keeps it"}}},

        {.topic = Fix::caching,
         .id = "caching",
         .title = "Caching",
         .section = "5. Added Caching for Masks and Patterns",
         .teaches = "A cache is the second-best answer to something that need not exist: it buys time with n^2 bytes.",
         .rungs = {.before = {.words = {"rebuilt",
                                        "Masks, index lists and head groups are rebuilt for every chunk and group."},
                              .on_gpu = Words{"asked for each call",
                                              "For every chunk and group cudaMalloc gives memory for a mask "
                                              "and for index lists, which the host makes and copies."}},
                   .after = {.words = {"mask cache",
                                       "n^2 bytes of masks are kept, above 100 entries the 50 oldest go; head groups "
                                       "are kept, index lists still rebuilt."},
                             .on_gpu = Words{"device mask cache",
                                             "n^2 bytes of device memory keep the masks; index lists are still "
                                             "made on the host, and copied into memory asked for each call."}},
                   .principled =
                       {.words = {"nothing to keep", "Visibility, rows and head groups are closed forms; what another "
                                                     "fix still asks for is rebuilt."},
                        .on_gpu = Words{"a plan",
                                        "Visibility, rows and head groups are closed forms; memory and lists that "
                                        "another fix still asks for are made once, and a call allocates nothing."}}},
         .claims = {{.words = "Significant reduction in repeated computations",
                     .reading = "no number was claimed",
                     .from = all_before,
                     .to = fixed(Fix::caching),
                     .reached_upstream = true,
                     .fact = "9.7 -> 8.8 ms (n = 1024), 352.5 -> 350.0 ms (n = 4096), for n^2 bytes kept in every "
                             "module; the pattern cache is never read"}}},
    };
}

/// What the report says of an opportunity: a sentence without a number.
Claim promise(const char* words, const char* fact) {
    return {.words = words, .reading = "no number was claimed", .fact = fact};
}

std::vector<Entry> make_opportunities() {
    return {
        {.topic = Topic::memory_pool,
         .id = "memory-pool",
         .title = "Memory pool",
         .section = "Remaining Opportunities, 1. Memory Pool Optimization",
         .teaches = "An allocator is a pool already; what beats both is to know beforehand how much is needed.",
         .rungs = {.before =
                       {.words = {"allocated",
                                  "Every temporary of every view is asked for, and given back when it has been used."}},
                   .after = {.words = {"pool",
                                       "Powers of two bytes, kept by size and never given back: what two sizes could "
                                       "share is held twice."}},
                   .principled = {.words = {"sized by the plan",
                                            "One block for the largest view, whose size is a closed form; a "
                                            "view takes its temporaries from it as from a stack."}}},
         .claims = {promise("Memory Pool Optimization: Better buffer reuse strategies",
                            "upstream's own figures for its pool: 3.37 -> 3.07 ms at 8 MB with 6.07 times the memory, "
                            "14.23 -> 15.77 ms at 32 MB")}},

        {.topic = Topic::pattern_caching,
         .id = "pattern-caching",
         .title = "Pattern caching",
         .section = "Remaining Opportunities, 2. Pattern Caching",
         .teaches =
             "Three numbers say which rows a pattern selects; a list of them is work, and a cache of lists is memory.",
         .rungs =
             {.before =
                  {.words =
                       {"listed",
                        "The rows of every segment and head are listed for every call, and gathered by the list."}},
              .after =
                  {.words = {"lists kept",
                             "Lists are kept by pattern, head and segment: eight bytes a row, and a look-up a view."}},
              .principled =
                  {.words = {"closed form",
                             "A first row, a stride and a count: the same rows are copied without any list."}}},
         .claims = {promise("Pattern Caching: Extend caching to dilation patterns",
                            "the pattern cache that fix 5 added is never read, so that nothing was measured")}},

        {.topic = Topic::compiled_hot_path,
         .id = "compiled-hot-path",
         .title = "Compiled hot path",
         .section = "Remaining Opportunities, 3. torch.compile",
         .teaches = "A compiler fuses operations that need not have been apart: the fused pass can be written down.",
         .rungs = {.before = {.words = {"an operation at a time",
                                        "Thirteen operations over whole tensors a pattern, each on "
                                        "all cores into a new temporary, n^2 elements in most."}},
                   .after = {.words = {"none was published",
                                       "The report names torch.compile and publishes no use of it."}},
                   .principled = {.words = {"plan once, run many",
                                            "One pass of online softmax in registers, its memory planned "
                                            "once: no temporary, no allocation."}}},
         .claims = {promise("torch.compile: Apply to hot paths for additional speedup", "none was published")}},

        {.topic = Topic::kv_cache,
         .id = "kv-cache",
         .title = "KV cache",
         .section = "Remaining Opportunities, 4. KV Caching",
         .teaches =
             "What may be forgotten is worth more than what is kept: a dilated token sees a few rows of one segment.",
         .rungs = {.before = {.words = {"prefix again",
                                        "Every token computes the whole prefix again and keeps its last row."}},
                   .after = {.words = {"dense cache",
                                       "Keys and values of all tokens are kept; a token reads all of them, and a "
                                       "mask hides what its patterns do not see."}},
                   .principled = {.words = {"dilated cache", "Rows that a later token can see are kept, one segment a "
                                                             "pattern; a token reads what it sees."}}},
         .claims = {promise("KV Caching: Implement proper key-value caching for inference",
                            "the class has no cache: it computes the prefix again")}},
    };
}

} // namespace

const std::vector<Entry>& catalogue() {
    static const std::vector<Entry> entries = [] {
        std::vector<Entry> all = make_fixes();
        std::ranges::move(make_opportunities(), std::back_inserter(all));
        return all;
    }();
    return entries;
}

const Entry& entry(Topic topic) { return catalogue()[number(topic) - 1]; }

const std::vector<Claim>& overall_claims() {
    static const std::vector<Claim> claims{
        {.words = "15-30% faster overall (caching and reduced redundancy)",
         .quantity = Quantity::speed_up,
         .low = 1.15,
         .high = 1.30,
         .reading = "beyond fix 1, which has a claim of its own: time with fix 1 alone / time with all five",
         .from = fixed(Fix::causal_mask),
         .to = Rungs(Rung::after),
         .reached_upstream = true,
         .fact = "fix 2: 2.74x and 4.10x with 2 and 4 ranks; fix 5: 1.10x (n = 1024), 1.01x (n = 4096); fixes 1, 3 and "
                 "4: 1.00x"},
    };
    return claims;
}

} // namespace dra::published
