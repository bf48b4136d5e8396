#pragma once
// Until when each connection of a thread is waited for, and whether its client is still there while
// a long wait is answered. Nearly no deadline is ever missed, and few clients hang up; so both cost
// a request a store, and all connections are looked at twice a second: what is noticed is noticed
// up to half a second late.

#include "gateway/beast.hpp"
#include "gateway/call.hpp"
#include "protocol/time.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace penstock::gateway {

class Deadlines {
public:
    static constexpr Duration kLookEvery = std::chrono::milliseconds(500);

    class Entry { // of one connection; both outlive it
    public:
        Entry(Deadlines& all, Socket& socket);
        ~Entry();
        Entry(const Entry&) = delete;
        Entry& operator=(const Entry&) = delete;

        // Then the socket is closed.
        void set(Instant at) { at_ = at; }

        void clear() { at_ = kNever; }

        enum class Drain : std::uint8_t { goes_on, ends };

        // Finished with `gone` when the client hangs up, and, if a drain ends it, with `silent` when
        // the gateway drains; null ends that.
        void watch(std::shared_ptr<Call> call, Drain drain = Drain::goes_on) {
            call_ = std::move(call);
            drain_ = drain;
        }

    private:
        friend class Deadlines;
        [[nodiscard]] bool has_hung_up();

        Deadlines& all_;
        Socket& socket_;
        std::size_t place_;
        Instant at_ = kNever;
        std::shared_ptr<Call> call_;
        Drain drain_ = Drain::goes_on;
    };

    void look(Instant now);
    void drain(); // ends what is to end then

private:
    std::vector<Entry*> entries_;
};

} // namespace penstock::gateway
