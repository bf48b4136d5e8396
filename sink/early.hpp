#pragma once
// What the link would have said before a ventilator has said hello to this life of the sink. Workers
// that keep their results may be back before it is: it would wait for ever for a failure that has
// been read already, and for the slot of a job that is recorded.

#include "protocol/message.hpp"

#include <utility>

namespace penstock::sink {

class Early {
public:
    void keep(Settled& settled) {
        const Settled now = std::exchange(settled, {});
        all_.rows.insert(all_.rows.end(), now.rows.begin(), now.rows.end());
        all_.failed.insert(all_.failed.end(), now.failed.begin(), now.failed.end());
    }

    Settled take() { return std::exchange(all_, {}); }

private:
    Settled all_;
};

} // namespace penstock::sink
