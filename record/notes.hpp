#pragma once
// What both recorded machines have: a tape, if one is wanted, and the words that go on it. And the limits
// of a machine as the numbers of a header.

#include "record/elements.hpp"
#include "record/mask.hpp"
#include "record/spoken.hpp"

#include <memory>
#include <utility>

namespace penstock::record {

class Notes {
public:
    // `header` as the machine was made; whether it has payloads follows from `recording`.
    Notes(const Recording& recording, Header header)
        : mask_(recording.key, !recording.payloads) {
        if (!recording.append) return;
        header.has_payloads = recording.payloads;
        tape_ = std::make_unique<Tape>(recording, header);
    }

    // Something is recorded. What follows needs that.
    explicit operator bool() const { return tape_ != nullptr; }

    // One record, of values.
    template <class What, class... Values>
    void add(What what, const Values&... values) {
        put_.clear();
        (put_(values), ...);
        tape_->add(static_cast<std::uint64_t>(what), put_.count(), put_.encoded());
    }
    template <class Time, class What, class... Values>
    void add_at(Time now, What what, const Values&... values) {
        tape_->at(now);
        add(what, values...);
    }

    [[nodiscard]] const Mask& mask() const { return mask_; }
    [[nodiscard]] std::string& room() { return room_; } // of the covered bytes of one record

    // What the machine has said since the last of these.
    Spoken spoken;
    void heard() { tape_->add(Sort::heard, spoken.take()); }
    void heard(const Said& said) { tape_->add(Sort::heard, said); }
    template <class What>
    void said(What what) { // and the turn is over
        tape_->add(static_cast<std::uint64_t>(what), spoken.take());
        tape_->flush();
    }
    void flush() { tape_->flush(); }

private:
    Mask mask_;
    Put put_;
    std::string room_;
    std::unique_ptr<Tape> tape_; // null: nothing is recorded
};

// ---- limits -------------------------------------------------------------------------------
// `each(io, limits)` names every member once, in the order of the header.

template <class L, class Each>
std::vector<std::uint64_t> numbers_of(const L& limits, Each each) {
    std::vector<std::uint64_t> out;
    const auto add = [&](auto limit) {
        if constexpr (std::is_same_v<decltype(limit), Duration>)
            out.push_back(static_cast<std::uint64_t>(limit.count()));
        else
            out.push_back(limit);
    };
    each(add, limits);
    return out;
}

// Throws TapeError: a machine of this program has others.
template <class L, class Each>
L limits_of(const Header& header, Each each) {
    L limits;
    if (header.limits.size() != numbers_of(limits, each).size()) {
        throw TapeError("it has limits that a " + header.role + " of this program does not have");
    }
    std::size_t at = 0;
    const auto take = [&](auto& limit) {
        using Limit = std::remove_reference_t<decltype(limit)>;
        const std::uint64_t number = header.limits[at++];
        if constexpr (std::is_same_v<Limit, Duration>)
            limit = Duration(static_cast<std::int64_t>(number));
        else
            limit = static_cast<Limit>(number);
    };
    each(take, limits);
    return limits;
}

} // namespace penstock::record
