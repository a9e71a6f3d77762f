#include "distributed/comm_error.hpp"

#include <fmt/format.h>

namespace dra::distributed {

std::string CommError::text(const Facts& facts) {
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(facts.elapsed).count();
    std::string said =
        fmt::format("rank {}, waiting for rank {}, {} step {}, after {} ms: {}; suspect: rank {}", facts.rank,
                    facts.peer, facts.operation, facts.step, milliseconds, facts.cause, facts.suspect);
    for (const std::string& step : facts.last_steps)
        said += (&step == &facts.last_steps.front() ? " (last: " : ", ") + step;
    return facts.last_steps.empty() ? said : said + ")";
}

} // namespace dra::distributed
