#include "workers/pool.hpp"

#include "workers/slots.hpp"

namespace penstock::worker {

Pool::Pool(std::uint32_t slots, std::shared_ptr<Desk> desk, Instant now)
    : slots_(std::make_shared<Slots>(slots, std::move(desk), now)) {}

Pool::~Pool() {
    for (auto& thread : slots_->close()) {
        if (left_behind_)
            thread.detach();
        else
            thread.join();
    }
}

void Pool::publish(std::vector<std::shared_ptr<Batch>>& batches) {
    slots_->publish(batches);
}

void Pool::beat(Instant now) {
    slots_->beat(now);
}

void Pool::look_again() {
    slots_->look_again();
}

void Pool::leave_behind() {
    left_behind_ = true;
}

} // namespace penstock::worker
