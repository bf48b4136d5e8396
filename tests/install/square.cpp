// A worker that takes numbers together: `square` answers each with its square.

#include <penstock/worker.hpp>

using namespace penstock::worker;

int main() {
    Options options;
    options.control = "tcp://127.0.0.1:5556";
    options.slots = 1; // calls at a time
    Worker worker(options);
    const BatchOptions together{.max = 16, .wait = std::chrono::milliseconds(20)};
    worker.on_batch("square", together, [](std::span<Job* const> jobs) {
        std::vector<Reply> replies; // one for each, in their order
        for (const Job* job : jobs) {
            const penstock::Node number = job->read();
            if (number.is(penstock::Shape::natural)) {
                replies.push_back(Reply::integer(number.integer() * number.integer()));
            } else {
                replies.push_back(Reply::failure("bad-payload", "not a number", Retry::pointless));
            }
        }
        return replies;
    });
    worker.run();
}
