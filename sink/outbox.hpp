#pragma once
// What the ledger says: to its ventilator on the link, and to those who asked.

#include "protocol/message.hpp"
#include "protocol/questions.hpp"
#include "sink/asker.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sink {

struct Reply {
    Asker asker = 0;
    Request request;
    StatusAnswer answer;
};

struct StoredReply { // to a row of AskStored
    Asker asker = 0;
    std::uint64_t request = 0;
};

struct Outbox {
    Stored stored;
    Settled settled;
    Open open;
    Cancel cancel;
    std::vector<Take> takes; // by `tick`: their payloads are those of the ledger's records
    Kinds kinds;
    std::vector<Reply> replies;
    std::vector<StoredReply> stored_replies;

    // What is said on the link, in the order in which it has to be heard: what was set for a kind
    // holds before a job of it may start.
    template <class Say>
    void say_on_link(Say say) {
        if (!kinds.rows.empty()) say(FromSink(std::move(kinds)));
        if (has_stored()) say(FromSink(std::move(stored)));
        if (!settled.rows.empty() || !settled.failed.empty()) say(FromSink(std::move(settled)));
        if (!open.rows.empty()) say(FromSink(std::move(open)));
        if (!cancel.numbers.empty()) say(FromSink(std::move(cancel)));
        for (Take& take : takes) say(FromSink(std::move(take)));
    }

    [[nodiscard]] bool empty() const {
        return replies.empty() && stored_replies.empty() && takes.empty() && kinds.rows.empty() &&
               !has_stored() && settled.rows.empty() && settled.failed.empty() &&
               open.rows.empty() && cancel.numbers.empty();
    }

    [[nodiscard]] bool has_stored() const {
        return !stored.rows.empty() || !stored.duplicates.empty() || !stored.conflicts.empty() ||
               !stored.refused.empty() || !stored.unknown.empty();
    }

    // What it shows of the ledger's bytes becomes its own: it is to outlive them.
    void own_bytes() {
        for (; takes_owned < takes.size(); ++takes_owned) {
            for (auto& row : takes[takes_owned].rows) row.payload = owned.emplace_back(row.payload);
        }
    }

    std::deque<std::string> owned;
    std::size_t takes_owned = 0; // the first so many

    // It was for a ventilator that is gone, and its numbers mean other jobs to the next one.
    void forget_link() {
        kinds = {};
        stored = {};
        settled = {};
        open = {};
        cancel = {};
        takes.clear();
        owned.clear();
        takes_owned = 0;
    }
};

} // namespace penstock::sink
