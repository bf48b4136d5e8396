#pragma once
// A frame that was received. A large one is shared from the start, so that whoever wants to keep
// its bytes needs no copy of them.

#include "protocol/message.hpp"
#include "transport/sockets.hpp"

#include <memory>
#include <utility>

namespace penstock::transport {

class Arrived {
public:
    static constexpr std::size_t kShareFrom = 16u << 10;

    explicit Arrived(zmq::message_t message) {
        if (message.size() < kShareFrom)
            small_ = std::move(message);
        else
            large_ = std::make_shared<const zmq::message_t>(std::move(message));
    }

    [[nodiscard]] std::string_view bytes() const { return view(large_ ? *large_ : small_); }

    [[nodiscard]] Held held() const { return {large_, large_ ? large_->size() : 0}; }

private:
    zmq::message_t small_;
    std::shared_ptr<const zmq::message_t> large_;
};

} // namespace penstock::transport
