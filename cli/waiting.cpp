#include "cli/waiting.hpp"

#include "cli/terminal.hpp"

#include <algorithm>
#include <cstdio>

namespace penstock::cli {
std::size_t wait_for_all(Api& api, const std::vector<std::string>& ids, const Deadline& deadline,
                         const std::string& label,
                         const std::function<void(const JobReport&)>& take) {
    ProgressBar bar(label, ids.size());
    std::size_t done = 0;
    while (done < ids.size()) {
        bar.show(done);
        const double left = deadline.seconds_left();
        const JobReport job = api.job(ids[done], std::clamp(left, 0.0, kBarHoldSeconds));
        if (job.is_final()) {
            take(job);
            ++done;
        } else if (left <= 0) {
            break;
        }
    }
    bar.show(done);
    return done;
}

Exit print_outcome(const JobReport& job) {
    if (job.succeeded()) {
        const boost::json::value* result = job.raw.if_contains("result");
        std::printf("%s\n", result == nullptr ? "null" : boost::json::serialize(*result).c_str());
        return Exit::ok;
    }
    std::fprintf(stderr, "penstock: job %s %s%s%s\n", job.id.c_str(),
                 painted(job.state, Paint::red, Stream::err).c_str(), job.error.empty() ? "" : ": ",
                 job.error.c_str());
    return Exit::failed;
}

} // namespace penstock::cli
