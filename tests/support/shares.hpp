#pragma once
// Who gets how much of the workers' time, in virtual time: what tests of it share.

#include "tests/support/virtual_house.hpp"

#include <string>

namespace penstock::ventilator {

using testing::VirtualHouse;
using Trip = VirtualHouse::Trip;

inline Terms terms_of(const std::string& kind, int priority = 4, const std::string& tenant = "") {
    Terms t = terms(kind);
    t.priority = priority;
    t.tenant = tenant;
    return t;
}

// Of jobs of this kind that have ended by then.
inline double busy_seconds(const VirtualHouse& house, const std::string& kind, Instant until) {
    double all = 0;
    for (const Trip& trip : house.trips()) {
        if (trip.terms.kind == kind && trip.ended <= until) all += seconds(trip.run);
    }
    return all;
}

// When a job of low priority starts beside more jobs of a high one than there is room for.
inline Instant start_of_the_last(Duration ageing, Duration end, int low = 0, int high = 9) {
    VirtualHouse house(ageing);
    house.worker(join("w", 1, {"a", "b"}));
    for (Duration when = 0s; when < end; when += 900ms) {
        house.submit(when, terms_of("a", high), 1, 1s);
    }
    house.submit(1s, terms_of("b", low), 1, 1s);
    house.run_until(end);
    for (const Trip& trip : house.trips()) {
        if (trip.terms.kind == "b") return trip.started;
    }
    return kNever;
}

} // namespace penstock::ventilator
