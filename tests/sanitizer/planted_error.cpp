/// \file
/// A planted error, so that a sanitizer which reports nothing (switched off, or its suppressions too wide) fails the
/// suite.
///
/// With ThreadSanitizer: threads add to one number without agreeing on an order. With AddressSanitizer: a read past the
/// end.

#include <cstdio>
#include <vector>

int main() {
    std::vector<int> counts(4, 0);
#ifdef DRA_PLANT_RACE
#pragma omp parallel for num_threads(4)
    for (int i = 0; i < 100000; ++i) counts[0] += i;
#else
    volatile std::size_t past_the_end = counts.size();
    counts[0] = counts.data()[past_the_end];
#endif
    std::printf("%d\n", counts[0]);
}
